"""What every write obeys: the store's `Rules` for a Kubernetes cluster.

A create goes through: namespace lifecycle, defaults, admission that changes the object, status reset, validation,
quota, field ownership. An update goes through the same, with the parts that its subresource may not touch taken from
the old object.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from apps.sandbox.kubeapi import (
    admission,
    cel_rules,
    crd_rules,
    defaults,
    errors,
    quota,
    ssa,
    structural,
    validation,
)
from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi.builtin import CRDS, JOBS, NAMESPACES, PODS, SERVICES
from apps.sandbox.kubeapi.customs import CLEANUP, CustomKind, CustomKinds
from apps.sandbox.kubeapi.errors import Cause, Obj
from apps.sandbox.kubeapi.openapi import spec
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.selectable import SELECTABLE
from apps.sandbox.kubeapi.store import DeleteOptions, Propagation, Store, WriteOptions, timestamp
from apps.sandbox.kubeapi.typed import EMPTY, Schema
from apps.sandbox.kubeapi.validation_meta import validate_metadata

_GENERATED = frozenset(
    [("apps", name) for name in ("deployments", "replicasets", "statefulsets", "daemonsets")]
    + [("batch", "jobs"), ("batch", "cronjobs"), ("", "pods"), ("policy", "poddisruptionbudgets")]
    + [("networking.k8s.io", name) for name in ("ingresses", "ingressclasses", "networkpolicies")]
    + [("discovery.k8s.io", "endpointslices"), ("apiextensions.k8s.io", "customresourcedefinitions")]
    + [("scheduling.k8s.io", "priorityclasses")]
)
# Kinds whose status a client may set when it creates them: their strategies do not reset it.
_STATUS_ON_CREATE = frozenset([("", "nodes"), ("", "persistentvolumes"), ("", "namespaces")])

# Errors that keep CEL rules from being run (apiextensions `hasBlockingErr`), and what is said instead.
_BLOCKING = frozenset(f"FieldValue{name}" for name in ("NotSupported", "Required", "TooLong", "TooMany", "TypeInvalid"))
_UNCHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete "
    "validation"
)


class KubeRules:
    """The rules of one cluster. `random` picks cluster IPs and node ports."""

    def __init__(self, customs: CustomKinds, *, random: Random) -> None:
        self._customs = customs
        self._random = random

    def schema_of(self, resource: Resource) -> Schema:
        """The schema that merging and ownership go by."""
        custom = self._customs.find(resource)
        if custom is not None:
            return custom.full_schema
        return spec.schema_of(resource.group, version=resource.version, kind=resource.kind) or EMPTY

    def writer(self, store: Store, *, resource: Resource, options: WriteOptions) -> ssa.Writer:
        """Who a write is by, for ownership."""
        return ssa.Writer(
            manager=options.manager or "unknown",
            api_version=resource.api_version,
            time=timestamp(store.now()),
            types=spec.types(),
            schema=self.schema_of(resource),
            subresource=options.subresource,
        )

    # -- create ----------------------------------------------------------------------------------------------

    def prepare_create(self, store: Store, *, resource: Resource, obj: Obj, options: WriteOptions) -> None:
        """See Rules."""
        metadata = obj["metadata"]
        for field in ("resourceVersion", "generation", "deletionTimestamp", "selfLink"):
            metadata.pop(field, None)
        if not resource.namespaced:
            metadata.pop("namespace", None)
        admission.require_namespace(store, resource=resource, obj=obj)
        custom = self._customs.find(resource)
        if custom is None:
            self._new_builtin(store, resource=resource, obj=obj, options=options)
        else:
            self._new_custom(custom, obj=obj, options=options)
        causes = validate_metadata(resource, obj=obj) + self._causes(resource, obj=obj, old=None)
        if causes:
            raise errors.invalid(resource.group, kind=resource.kind, name=metadata.get("name", ""), causes=causes)
        quota.admit(store, resource=resource, obj=obj)
        self._own(store, resource=resource, obj=obj, old=None, options=options)

    def _new_builtin(self, store: Store, *, resource: Resource, obj: Obj, options: WriteOptions) -> None:
        if "status" in resource.subresources and not options.keep_status and resource.key not in _STATUS_ON_CREATE:
            obj["status"] = {}
        defaults.set_defaults(resource.key, obj=obj)
        admission.admit_new(store, resource=resource, obj=obj, random=self._random)
        if resource.key in _GENERATED:
            obj["metadata"]["generation"] = 1
        if resource.key == PODS.key and not options.keep_status:
            obj["status"] = {"phase": "Pending", "qosClass": admission.qos_class(obj["spec"])}
        elif resource.key == NAMESPACES.key:
            obj["spec"] = {"finalizers": ["kubernetes"]}
        elif resource.key == JOBS.key:
            _label_job(obj)
        elif resource.key == CRDS.key:
            crd_rules.set_defaults(obj)
            obj["metadata"]["finalizers"] = [*(obj["metadata"].get("finalizers") or ()), CLEANUP]

    @staticmethod
    def _new_custom(custom: CustomKind, *, obj: Obj, options: WriteOptions) -> None:
        if custom.has_status and not options.keep_status:
            obj.pop("status", None)
        obj["metadata"]["generation"] = 1
        structural.prune(custom.schema, obj=obj)
        structural.set_defaults(custom.schema, value=obj)

    def _causes(self, resource: Resource, *, obj: Obj, old: Obj | None) -> list[Cause]:
        custom = self._customs.find(resource)
        if custom is None:
            if resource.key == CRDS.key:
                return crd_rules.validate(obj) if old is None or old["spec"] != obj["spec"] else []
            return validation.validate(resource.key, obj=obj)
        causes = structural.validate(custom.schema, value=obj, old=old) + _bad_scale(custom, obj)
        if custom.rules is not None:
            if any(cause.reason in _BLOCKING for cause in causes):
                causes.append(fe.invalid("<nil>", value=None, detail=_UNCHECKED))
            else:
                causes += cel_rules.validate(custom.rules, value=obj, old=old)
        return causes

    # -- update ----------------------------------------------------------------------------------------------

    def prepare_update(self, store: Store, *, resource: Resource, obj: Obj, old: Obj, options: WriteOptions) -> None:
        """See Rules."""
        custom = self._customs.find(resource)
        if custom is None:
            self._changed_builtin(store, resource=resource, obj=obj, old=old, options=options)
        else:
            self._changed_custom(custom, obj=obj, old=old, options=options)
        causes = validate_metadata(resource, obj=obj) + self._update_causes(resource, obj=obj, old=old, options=options)
        if causes:
            raise errors.invalid(resource.group, kind=resource.kind, name=obj["metadata"]["name"], causes=causes)
        if not options.subresource:
            quota.admit(store, resource=resource, obj=obj, old=old)
        _bump_generation(resource, obj=obj, old=old)
        self._own(store, resource=resource, obj=obj, old=old, options=options)

    def _changed_builtin(self, store: Store, *, resource: Resource, obj: Obj, old: Obj, options: WriteOptions) -> None:
        if options.subresource == "status":
            _only_status(obj, old=old)
        else:
            _keep_status(resource, obj=obj, old=old)
        defaults.set_defaults(resource.key, obj=obj)
        if resource.key == SERVICES.key:
            admission.keep_service_fields(obj, old=old)
            admission.allocate_service(store, service=obj, random=self._random)
        elif resource.key == NAMESPACES.key and options.subresource != "finalize":
            obj["spec"] = old.get("spec", {})
        elif resource.key == CRDS.key:
            crd_rules.set_defaults(obj)

    @staticmethod
    def _changed_custom(custom: CustomKind, *, obj: Obj, old: Obj, options: WriteOptions) -> None:
        if options.subresource == "status":
            _only_status(obj, old=old)
        elif custom.has_status:
            _keep_status(custom.resource, obj=obj, old=old)
        structural.prune(custom.schema, obj=obj)
        structural.set_defaults(custom.schema, value=obj)

    def _update_causes(self, resource: Resource, *, obj: Obj, old: Obj, options: WriteOptions) -> list[Cause]:
        if resource.custom:
            return self._causes(resource, obj=obj, old=old)
        if options.subresource in ("status", "finalize", "binding"):
            return []
        return self._causes(resource, obj=obj, old=old) + validation.validate_update(resource.key, new=obj, old=old)

    def _own(self, store: Store, *, resource: Resource, obj: Obj, old: Obj | None, options: WriteOptions) -> None:
        if options.operation == "Apply":
            return
        if options.manager is None:
            _keep_owners(obj, old=old)
            return
        writer = self.writer(store, resource=resource, options=options)
        if options.subresource == "scale" and old is not None:
            ssa.track_scale(writer, old=old, new=obj, replicas=self._replicas_path(resource))
        else:
            ssa.track(writer, old=old, new=obj)

    def _replicas_path(self, resource: Resource) -> tuple[str, ...]:
        custom = self._customs.find(resource)
        return tuple((custom.scale["specReplicasPath"] if custom and custom.scale else ".spec.replicas").split(".")[1:])

    # -- delete ----------------------------------------------------------------------------------------------

    def prepare_delete(self, store: Store, *, resource: Resource, obj: Obj, options: DeleteOptions) -> int:
        """See Rules: pods that run get their grace period, namespaces begin to terminate."""
        name = obj["metadata"]["name"]
        if resource.key == NAMESPACES.key:
            if name in admission.KEPT_NAMESPACES:
                raise errors.forbidden("", plural="namespaces", name=name, why="this namespace may not be deleted")
            obj["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
            return 0
        if resource.key != PODS.key:
            return 0
        done = (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if not obj["spec"].get("nodeName") or done:
            return 0
        if options.grace_seconds is not None:
            return max(options.grace_seconds, 0)
        return int(obj["spec"].get("terminationGracePeriodSeconds") or 0)

    def is_held(self, resource: Resource, *, obj: Obj) -> bool:
        """See Rules: a namespace is held by spec.finalizers too."""
        if resource.key == NAMESPACES.key and (obj.get("spec") or {}).get("finalizers"):
            return True
        return bool(obj["metadata"].get("finalizers"))

    def default_propagation(self, resource: Resource) -> Propagation:
        """See Rules: batch/v1 Jobs orphan their pods unless told otherwise, for old clients' sake."""
        return "Orphan" if resource.key == JOBS.key else "Background"

    def selectable_fields(self, resource: Resource) -> dict[str, str] | None:
        """See Rules."""
        custom = self._customs.find(resource)
        return custom.selectable if custom is not None else SELECTABLE.get(resource.key)


def _keep_owners(obj: Obj, *, old: Obj | None) -> None:
    kept = (old or {}).get("metadata", {}).get("managedFields")
    obj["metadata"].pop("managedFields", None)
    if kept:
        obj["metadata"]["managedFields"] = kept


def _only_status(obj: Obj, *, old: Obj) -> None:
    """Everything but the status comes from the old object."""
    owners = obj["metadata"].get("managedFields")
    for key in [key for key in obj if key not in ("status", "apiVersion", "kind")]:
        del obj[key]
    obj.update({key: value for key, value in old.items() if key not in ("status", "apiVersion", "kind")})
    obj["metadata"] = dict(old["metadata"])
    if owners is not None:
        obj["metadata"]["managedFields"] = owners


def _keep_status(resource: Resource, *, obj: Obj, old: Obj) -> None:
    if "status" not in resource.subresources:
        return
    obj.pop("status", None)
    if "status" in old:
        obj["status"] = old["status"]


def _bump_generation(resource: Resource, *, obj: Obj, old: Obj) -> None:
    before = old["metadata"].get("generation")
    if before is None:
        return
    if resource.custom:
        changed = _desired(obj) != _desired(old)
    else:
        changed = obj.get("spec") != old.get("spec")
    obj["metadata"]["generation"] = before + 1 if changed else before


def _desired(obj: Obj) -> Obj:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status", "apiVersion")}


def _label_job(job: Obj) -> None:
    """The selector and labels that the Job strategy makes from the uid, unless the job brings its own."""
    body, uid, name = job["spec"], job["metadata"]["uid"], job["metadata"].get("name", "")
    if body.get("manualSelector"):
        return
    labels = body.setdefault("template", {}).setdefault("metadata", {}).setdefault("labels", {})
    labels |= {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    body["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}


def _bad_scale(custom: CustomKind, obj: Obj) -> list[Cause]:
    """What is wrong with the replicas that a scale subresource would read."""
    if custom.scale is None:
        return []
    path = custom.scale["specReplicasPath"]
    node: object = obj
    for part in path.lstrip(".").split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    if node is None:
        return []
    if not isinstance(node, int):
        kind = {str: "string", bool: "bool", float: "float64", list: "[]interface {}"}.get(type(node), "map")
        said = f"{path} accessor error: {node} is of the type {kind}, expected int64"
        return [fe.invalid(path, value=0, detail=said)]
    return [fe.invalid(path, value=node, detail="should be a non-negative integer")] if node < 0 else []
