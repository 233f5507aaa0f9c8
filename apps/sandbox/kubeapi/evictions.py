"""What is created under an object: evictions and bindings of pods, tokens of ServiceAccounts.

Evictions obey PodDisruptionBudgets as k8s.io/kubernetes `registry/core/pod/storage/eviction.go` does, by their status,
which whoever simulates the disruption controller keeps.
"""

from __future__ import annotations

from datetime import UTC, datetime

from apps.sandbox.kubeapi import codec, errors
from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi.accounts import ISSUER, SHORTEST_SECONDS
from apps.sandbox.kubeapi.answers import Answer, json_answer
from apps.sandbox.kubeapi.builtin import PDBS, PODS
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.errors import BadRequest, Cause, Obj, PlainError, TooManyRequests
from apps.sandbox.kubeapi.request import Request, Target, is_dry_run
from apps.sandbox.kubeapi.selectors import of_label_selector
from apps.sandbox.kubeapi.store import DeleteOptions, WriteOptions, timestamp

_SAID = "Cannot evict pod as it would violate the pod's disruption budget."


def _body(request: Request) -> Obj:
    value = codec.parse(request.body, content_type=request.headers.get("content-type", "")).value
    if not isinstance(value, dict):
        raise BadRequest("the body is not an object")
    return value


def _success(*, status: int = 201) -> Answer:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": status}
    return json_answer(body, status=status)


def _too_many(message: str, *, retry_seconds: int = 0) -> TooManyRequests:
    details: Obj = {"causes": [Cause("DisruptionBudget", message).as_json()]}
    if retry_seconds:
        details["retryAfterSeconds"] = retry_seconds
    return TooManyRequests(_SAID, details=details)


def _condition_true(obj: Obj, kind: str) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == kind and c.get("status") == "True" for c in conditions)


class Children:
    """Handles creates under pods and ServiceAccounts."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._store = cluster.store

    def evict(self, request: Request, *, target: Target) -> Answer:
        """Delete a pod unless its disruption budget forbids it (429)."""
        body = _body(request)
        if (body.get("metadata") or {}).get("name", target.name) != target.name:
            raise BadRequest("name in URL does not match name in Eviction object")
        given = body.get("deleteOptions") or {}
        dry = request.dry_run or any(is_dry_run(str(entry)) for entry in given.get("dryRun") or ())
        with self._store.lock:
            pod = self._store.get(PODS, namespace=target.namespace, name=target.name)
            if not self._needs_no_budget(pod):
                self._take_from_budget(pod, dry_run=dry)
            preconditions = given.get("preconditions") or {}
            options = DeleteOptions(
                grace_seconds=given.get("gracePeriodSeconds"),
                uid=preconditions.get("uid"),
                resource_version=preconditions.get("resourceVersion"),
                dry_run=dry,
            )
            self._store.delete(PODS, namespace=target.namespace, name=target.name, options=options)
        return _success()

    @staticmethod
    def _needs_no_budget(pod: Obj) -> bool:
        phase = (pod.get("status") or {}).get("phase")
        return phase in ("Succeeded", "Failed", "Pending") or bool(pod["metadata"].get("deletionTimestamp"))

    def _take_from_budget(self, pod: Obj, *, dry_run: bool) -> None:
        metadata = pod["metadata"]
        budgets = [
            budget
            for budget in self._store.items(PDBS, namespace=metadata["namespace"])
            if of_label_selector((budget.get("spec") or {}).get("selector"))(metadata.get("labels") or {})
        ]
        if len(budgets) > 1:
            said = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            raise PlainError(said)
        if not budgets or self._is_spare(pod, budgets[0]):
            return
        status = budgets[0].get("status") or {}
        self._check_budget(budgets[0], status)
        if dry_run:
            return

        def change(budget: Obj) -> None:
            now = timestamp(self._store.now())
            budget["status"]["disruptionsAllowed"] -= 1
            budget["status"].setdefault("disruptedPods", {})[metadata["name"]] = now

        name = budgets[0]["metadata"]["name"]
        self._store.modify(
            PDBS, namespace=metadata["namespace"], name=name, change=change, options=WriteOptions(subresource="status")
        )

    @staticmethod
    def _is_spare(pod: Obj, budget: Obj) -> bool:
        """Whether the pod is not ready, and its going takes nothing from a budget that is kept anyway."""
        if _condition_true(pod, "Ready"):
            return False
        if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
            return True
        status = budget.get("status") or {}
        desired = status.get("desiredHealthy", 0)
        return bool(status.get("currentHealthy", 0) >= desired > 0)

    @staticmethod
    def _check_budget(budget: Obj, status: Obj) -> None:
        name = budget["metadata"]["name"]
        if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
            said = f"The disruption budget {name} is still being processed by the server."
            raise _too_many(said, retry_seconds=10)
        if status.get("disruptionsAllowed", 0) <= 0:
            desired, current = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
            if current <= desired:
                raise _too_many(
                    f"The disruption budget {name} needs {desired} healthy pods and has {current} currently"
                )
            raise _too_many(f"The disruption budget {name} does not allow evicting pods currently")

    def bind(self, request: Request, *, target: Target) -> Answer:
        """Put a pod on a node."""
        body = _body(request)
        node = (body.get("target") or {}).get("name", "")

        def change(pod: Obj) -> None:
            if pod["spec"].get("nodeName"):
                why = f'pod {target.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
                raise errors.conflict("", plural="pods/binding", name=target.name, why=why)
            pod["spec"]["nodeName"] = node

        options = WriteOptions(manager=request.manager, dry_run=request.dry_run, subresource="binding")
        self._store.modify(PODS, namespace=target.namespace, name=target.name, change=change, options=options)
        return _success()

    def token(self, request: Request, *, target: Target) -> Answer:
        """A token for a ServiceAccount (TokenRequest)."""
        body = _body(request)
        spec = body.get("spec") or {}
        seconds = int(spec.get("expirationSeconds") or 3600)
        if seconds < SHORTEST_SECONDS:
            said = "may not specify a duration less than 10 minutes"
            cause = fe.invalid("spec.expirationSeconds", value=seconds, detail=said)
            raise errors.invalid("authentication.k8s.io", kind="TokenRequest", name="", causes=[cause])
        audiences = list(spec.get("audiences") or [])
        token, expires = self._cluster.accounts.issue(
            target.namespace or "", name=target.name, seconds=seconds, audiences=audiences
        )
        return json_answer(
            {
                "kind": "TokenRequest",
                "apiVersion": "authentication.k8s.io/v1",
                "metadata": {"name": target.name, "namespace": target.namespace},
                "spec": {**spec, "audiences": audiences or [ISSUER], "expirationSeconds": seconds},
                "status": {"token": token, "expirationTimestamp": timestamp(datetime.fromtimestamp(expires, UTC))},
            },
            status=201,
        )
