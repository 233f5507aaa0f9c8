"""Custom kinds: ResourcePolicy's own schema and rules, establishing, pruning, defaulting, deletion."""

from __future__ import annotations

from typing import Any

import pytest

from apps.sandbox.kubeapi import errors
from apps.sandbox.kubeapi.builtin import CRDS
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.jsontree import deep_copy
from apps.sandbox.kubeapi.resources import Resource
from tests.sandbox.kubeapi.objects import make_policy

LATE = {"days": ["Mon"], "from": "18:00", "to": "08:00"}


def policies(cluster: Cluster) -> Resource:
    found = cluster.registry.of_group_kind("plimsoll.dev", kind="ResourcePolicy")
    assert found is not None
    return found


def refusal(cluster: Cluster, obj: Obj) -> str:
    with pytest.raises(errors.Invalid) as caught:
        cluster.store.create(policies(cluster), obj=obj)
    return caught.value.message


def test_a_definition_is_established_and_served(with_policies: Cluster) -> None:
    crd = with_policies.store.get(CRDS, name="resourcepolicies.plimsoll.dev")
    conditions = {entry["type"]: entry["status"] for entry in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert crd["status"]["acceptedNames"]["shortNames"] == ["rpol"]
    assert crd["status"]["storedVersions"] == ["v1alpha1"]
    assert policies(with_policies).subresources == {"status"}


def test_defaults_are_filled_in(with_policies: Cluster) -> None:
    made = with_policies.store.create(policies(with_policies), obj=make_policy())
    assert made["spec"]["mode"] == "DryRun"
    assert made["spec"]["priority"] == 100
    assert made["spec"]["scaleToZero"]["minAwake"] == "15m"
    assert "traffic" not in made["spec"]["scaleToZero"]
    assert made["metadata"]["generation"] == 1


def test_unknown_fields_are_pruned(with_policies: Cluster) -> None:
    made = with_policies.store.create(policies(with_policies), obj=make_policy(keel=3))
    assert "keel" not in made["spec"]


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        ({"scaleToZero": {"idleAfter": "2m"}},
         "spec.scaleToZero.idleAfter: Invalid value: idleAfter must be at least 5m"),
        ({"scaleToZero": {"idleAfter": "2h", "schedule": {"timeZone": "Mars/Base"}}},
         'spec.scaleToZero.schedule: Invalid value: "object": unknown time zone Mars/Base evaluating rule: timeZone '
         "must be a time zone of the IANA database"),
        ({"targets": [{"kinds": ["Job"]}]},
         "spec.targets: Invalid value: scaleToZero works on Deployment, StatefulSet and CronJob"),
        ({"quota": {"hard": {"cpu": "1"}}},
         "spec: Invalid value: set exactly one of scaleToZero, quota or volumeLifecycle"),
        ({"scaleToZero": {"idleAfter": "2h", "traffic": {"source": "Query"}}},
         "spec.scaleToZero.traffic.query: Invalid value: query goes with source Query, and only with it"),
        ({"scaleToZero": {"idleAfter": "2h", "schedule": {"keepAwake": [LATE]}}},
         "spec.scaleToZero.schedule.keepAwake[0].to: Invalid value: from must be before to"),
        ({"priority": 5000},
         "spec.priority: Invalid value: 5000: spec.priority in body should be less than or equal to 1000"),
        ({"mode": "Shout"}, 'spec.mode: Unsupported value: "Shout": supported values: "DryRun", "Warn", "Enforce"'),
        ({"targets": []}, "spec.targets: Invalid value: 0: spec.targets in body should have at least 1 items"),
        ({"scaleToZero": {"idleAfter": "soon"}}, "spec.scaleToZero.idleAfter in body should match"),
        ({"exceptions": [{"name": "a", "reason": "r", "expiresAt": "tomorrow", "selector": {}}]},
         'spec.exceptions[0].expiresAt in body must be of type date-time: "tomorrow"'),
        ({"exceptions": [{"name": "a"}]}, "spec.exceptions[0].reason: Required value"),
        ({"suspend": "yes"}, 'spec.suspend in body must be of type boolean: "string"'),
    ],
)  # fmt: skip
def test_every_bad_field_is_named_with_the_rule(with_policies: Cluster, spec: dict[str, Any], want: str) -> None:
    assert want in refusal(with_policies, make_policy(**spec))


def test_a_blocking_error_keeps_the_rules_from_running_and_says_so(with_policies: Cluster) -> None:
    said = refusal(with_policies, make_policy(mode="Shout", scaleToZero={"idleAfter": "2m"}))
    assert "some validation rules were not checked because the object was invalid" in said
    assert "idleAfter must be at least 5m" not in said


def test_a_transition_rule_sees_the_old_object(with_policies: Cluster) -> None:
    resource = policies(with_policies)
    made = deep_copy(with_policies.store.create(resource, obj=make_policy()))
    del made["spec"]["scaleToZero"]
    made["spec"]["quota"] = {"hard": {"cpu": "1"}}
    with pytest.raises(errors.Invalid, match="the kind of rule cannot change: make a new policy"):
        with_policies.store.update(resource, obj=made)


def test_an_old_fault_does_not_hinder_other_edits(with_policies: Cluster, policy_definition: Obj) -> None:
    """Ratcheting: what did not change is not judged anew."""
    resource = policies(with_policies)
    with_policies.store.create(resource, obj=make_policy(priority=900))
    stricter = deep_copy(policy_definition)
    properties = stricter["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    properties["priority"]["maximum"] = 500
    with_policies.store.update(CRDS, obj=stricter)
    resource = policies(with_policies)
    edited = with_policies.store.modify(
        resource, namespace="default", name="nights", change=lambda obj: obj["spec"].update(suspend=True)
    )
    assert edited["spec"]["suspend"] is True
    with pytest.raises(errors.Invalid, match="should be less than or equal to 500"):
        with_policies.store.modify(
            resource, namespace="default", name="nights", change=lambda obj: obj["spec"].update(priority=901)
        )


def test_status_and_spec_do_not_touch_each_other(with_policies: Cluster) -> None:
    resource = policies(with_policies)
    made = deep_copy(with_policies.store.create(resource, obj=make_policy()))
    made["status"], made["spec"]["priority"] = {"matched": 3}, 1
    after = with_policies.store.update_status(resource, obj=made)
    assert after["status"] == {"matched": 3}
    assert after["spec"]["priority"] == 100
    assert after["metadata"]["generation"] == 1
    made = deep_copy(after)
    made["status"], made["spec"]["priority"] = {}, 2
    after = with_policies.store.update(resource, obj=made)
    assert after["status"] == {"matched": 3}
    assert after["metadata"]["generation"] == 2


def test_objects_go_with_their_definition(with_policies: Cluster) -> None:
    resource = policies(with_policies)
    with_policies.store.create(resource, obj=make_policy())
    with_policies.store.delete(CRDS, name="resourcepolicies.plimsoll.dev")
    assert with_policies.store.find(CRDS, name="resourcepolicies.plimsoll.dev") is None
    assert with_policies.store.count(resource) == 0
    assert with_policies.registry.of_group_kind("plimsoll.dev", kind="ResourcePolicy") is None


def test_a_definition_waits_for_a_held_object(with_policies: Cluster) -> None:
    resource = policies(with_policies)
    held = make_policy()
    held["metadata"]["finalizers"] = ["plimsoll.dev/hold"]
    with_policies.store.create(resource, obj=held)
    _, gone = with_policies.store.delete(CRDS, name="resourcepolicies.plimsoll.dev")
    assert not gone
    with_policies.store.modify(
        resource, namespace="default", name="nights", change=lambda obj: obj["metadata"].pop("finalizers")
    )
    assert with_policies.store.find(CRDS, name="resourcepolicies.plimsoll.dev") is None


def broken(definition: Obj, **changes: Any) -> Obj:
    copy: Obj = deep_copy(definition)
    copy["spec"].update(changes)
    return copy


def test_a_definition_with_a_wrong_name_is_refused(cluster: Cluster, policy_definition: Obj) -> None:
    copy = deep_copy(policy_definition)
    copy["metadata"]["name"] = "other.plimsoll.dev"
    with pytest.raises(errors.Invalid, match=r'metadata.name: .*must be spec.names.plural\+"."\+spec.group'):
        cluster.store.create(CRDS, obj=copy)


def test_a_definition_with_a_broken_rule_is_refused(cluster: Cluster, policy_definition: Obj) -> None:
    copy = deep_copy(policy_definition)
    schema = copy["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["x-kubernetes-validations"] = [{"rule": "self.targets =="}]
    with pytest.raises(errors.Invalid, match=r"validations\[0\].rule: Invalid value: .*compilation failed"):
        cluster.store.create(CRDS, obj=copy)


def test_a_group_of_kubernetes_needs_its_approval(cluster: Cluster, policy_definition: Obj) -> None:
    copy = broken(policy_definition, group="gateway.networking.k8s.io")
    copy["metadata"]["name"] = "resourcepolicies.gateway.networking.k8s.io"
    with pytest.raises(errors.Invalid, match="protected groups must have approval annotation"):
        cluster.store.create(CRDS, obj=copy)
