"""The policy definitions on a real API server: defaults, CEL rules, strict fields, status."""

from __future__ import annotations

from typing import Any

import pytest

from apps.kernel.errors import InvalidInput
from apps.kernel.ports import Kube
from tests.contract.objects import ref

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("installed")]


def policy(namespace: str, **spec: Any) -> dict[str, Any]:
    """A good ResourcePolicy, with `spec` laid over its spec."""
    base = {"targets": [{"kinds": ["Deployment"]}], "scaleToZero": {"idleAfter": "2h", "traffic": {}}}
    return {
        "apiVersion": "plimsoll.dev/v1alpha1",
        "kind": "ResourcePolicy",
        "metadata": {"name": "sleep", "namespace": namespace},
        "spec": base | spec,
    }


def test_a_policy_gets_its_defaults(account: Kube, namespace: str) -> None:
    spec = account.apply(policy(namespace))["spec"]
    assert (spec["mode"], spec["priority"], spec["suspend"]) == ("DryRun", 100, False)
    assert spec["scaleToZero"]["traffic"]["source"] == "IngressNginx"
    assert spec["scaleToZero"]["minAwake"] == "15m"


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({"targets": [{"kinds": ["DaemonSet"]}]}, "targets"),
        ({"targets": [{"kinds": ["Job"]}]}, "targets"),
        ({"targets": [{"kinds": ["Pod"]}]}, "targets"),
        ({"targets": []}, "targets"),
        ({"mode": "Maybe"}, "mode"),
        ({"scaleToZero": {"idleAfter": "1m", "traffic": {}}}, "idleAfter"),
        ({"scaleToZero": {"idleAfter": "soon", "traffic": {}}}, "idleAfter"),
        ({"scaleToZero": {"idleAfter": "2h", "schedule": {"timeZone": "Mars/Base"}}}, "timeZone"),
        ({"scaleToZero": {"idleAfter": "2h", "traffic": {"source": "Query"}}}, "query"),
        ({"exceptions": [{"name": "x", "reason": "", "expiresAt": "2026-01-01T00:00:00Z", "selector": {}}]}, "reason"),
    ],
)
def test_a_bad_field_is_refused_by_name(account: Kube, namespace: str, spec: dict[str, Any], names: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        account.apply(policy(namespace, **spec))
    told = [caught.value.field or "", *(field for field, _ in caught.value.causes), str(caught.value)]
    assert any(names in text for text in told)


def test_an_unknown_field_is_refused_by_name(account: Kube, namespace: str) -> None:
    with pytest.raises(InvalidInput, match="idleafter"):
        account.create(policy(namespace, scaleToZero={"idleAfter": "2h", "idleafter": "2h"}))


def test_the_status_is_written_apart_from_the_spec(account: Kube, namespace: str) -> None:
    made = account.apply(policy(namespace))
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Watching",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    body = {"status": {"observedGeneration": 1, "conditions": [condition]}, "spec": {"mode": "Enforce"}}
    found = account.patch(ref(made), body=body, subresource="status")
    assert found["spec"]["mode"] == "DryRun"
    assert found["metadata"]["generation"] == 1
    assert found["status"]["conditions"][0]["reason"] == "Watching"
