"""KubeWriter: preconditions, dry runs, field owners, and bad objects."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest

from apps.kernel.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from apps.kernel.ports import Kube
from apps.kernel.vocab import ObjectRef
from tests.contract.objects import config_map, deployment, ref, version

ANOTHER_UID = "00000000-0000-0000-0000-000000000000"


def scale_now(kube: Kube, target: ObjectRef, *, replicas: int, dry_run: bool = False) -> dict[str, Any]:
    """Scales under the version just read, as carry_out does: a controller's write in between means once more."""
    for _ in range(10):
        with contextlib.suppress(Conflict):
            current = version(kube.get(target))
            return kube.scale(target, replicas=replicas, resource_version=current, dry_run=dry_run)
    raise AssertionError("ten conflicts in a row")


def test_a_taken_name_already_exists(kube: Kube, namespace: str) -> None:
    kube.create(config_map(namespace, "a"))
    with pytest.raises(AlreadyExists):
        kube.create(config_map(namespace, "a"))


def test_a_dry_run_judges_and_keeps_nothing(kube: Kube, namespace: str) -> None:
    made = kube.create(config_map(namespace, "a"), dry_run=True)
    with pytest.raises(NotFound):
        kube.get(ref(made))
    kept = kube.create(config_map(namespace, "a", n="1"))
    kube.patch(ref(kept), body={"data": {"n": "2"}}, dry_run=True)
    kube.apply(config_map(namespace, "a", n="3"), force=True, dry_run=True)
    kube.delete(ref(kept), dry_run=True)
    assert version(kube.get(ref(kept))) == version(kept)


def test_an_event_gets_a_generated_name(kube: Kube, namespace: str) -> None:
    involved = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": namespace, "name": "a"}
    made = kube.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": "a.", "namespace": namespace},
            "involvedObject": involved,
            "reason": "Slept",
            "message": "asleep",
            "type": "Normal",
        }
    )
    assert made["metadata"]["name"].startswith("a.")


def test_a_merge_patch_sets_and_removes(kube: Kube, namespace: str) -> None:
    made = kube.create(config_map(namespace, "a"))
    kube.patch(ref(made), body={"metadata": {"annotations": {"plimsoll.dev/slept": "x", "keep": "y"}}})
    found = kube.patch(ref(made), body={"metadata": {"annotations": {"plimsoll.dev/slept": None}}})
    assert found["metadata"]["annotations"] == {"keep": "y"}


def test_a_patch_on_a_stale_version_is_a_conflict_and_writes_nothing(kube: Kube, namespace: str) -> None:
    made = kube.create(config_map(namespace, "a", n="1"))
    kube.patch(ref(made), body={"data": {"n": "2"}}, resource_version=version(made))
    with pytest.raises(Conflict):
        kube.patch(ref(made), body={"data": {"n": "3"}}, resource_version=version(made))
    assert kube.get(ref(made))["data"] == {"n": "2"}


def test_a_patch_of_another_incarnation_is_refused(kube: Kube, namespace: str) -> None:
    made = kube.create(config_map(namespace, "a", n="1"))
    with pytest.raises(Conflict):
        kube.patch(ref(made, uid=ANOTHER_UID), body={"data": {"n": "2"}})
    assert kube.get(ref(made))["data"] == {"n": "1"}


def test_a_patch_of_nothing_is_not_found(kube: Kube, namespace: str) -> None:
    with pytest.raises(NotFound):
        kube.patch(ObjectRef("contract", "", "ConfigMap", namespace, "nothing"), body={"data": {"n": "2"}})


def test_a_status_patch_leaves_the_spec_alone(kube: Kube, namespace: str) -> None:
    made = kube.create(deployment(namespace, "web", replicas=0))
    condition = {"type": "Example", "status": "True", "reason": "Tested", "message": ""}
    body = {"spec": {"replicas": 9}, "status": {"conditions": [condition]}}
    found = kube.patch(ref(made), body=body, subresource="status")
    assert found["spec"]["replicas"] == 0
    assert found["status"]["conditions"][0]["type"] == "Example"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_scale_writes_the_number_and_nothing_else(kube: Kube, namespace: str, kind: str) -> None:
    manifest = deployment(namespace, "web", replicas=0) | {"kind": kind}
    if kind == "StatefulSet":
        manifest["spec"]["serviceName"] = "web"
    made = kube.create(manifest)
    scale = scale_now(kube, ref(made), replicas=3)
    assert (scale["kind"], scale["spec"]["replicas"]) == ("Scale", 3)
    found = kube.get(ref(made))
    assert found["spec"]["replicas"] == 3
    assert found["spec"]["template"]["spec"]["containers"][0]["name"] == "main"


def test_scale_on_a_stale_version_is_a_conflict(kube: Kube, namespace: str) -> None:
    made = kube.create(deployment(namespace, "web", replicas=0))
    kube.patch(ref(made), body={"metadata": {"annotations": {"a": "b"}}})
    with pytest.raises(Conflict):
        kube.scale(ref(made), replicas=3, resource_version=version(made))
    assert kube.get(ref(made))["spec"]["replicas"] == 0


def test_scale_of_another_incarnation_is_refused(kube: Kube, namespace: str) -> None:
    made = kube.create(deployment(namespace, "web", replicas=0))
    with pytest.raises(Conflict):
        kube.scale(ref(made, uid=ANOTHER_UID), replicas=3, resource_version="")
    assert kube.get(ref(made))["spec"]["replicas"] == 0


def test_scale_dry_run_leaves_the_number(kube: Kube, namespace: str) -> None:
    made = kube.create(deployment(namespace, "web", replicas=0))
    assert scale_now(kube, ref(made), replicas=3, dry_run=True)["spec"]["replicas"] == 3
    assert kube.get(ref(made))["spec"]["replicas"] == 0


def test_scale_below_zero_is_invalid_input(kube: Kube, namespace: str) -> None:
    made = kube.create(deployment(namespace, "web", replicas=0))
    with pytest.raises(InvalidInput) as caught:
        kube.scale(ref(made), replicas=-1, resource_version="")
    assert caught.value.field == "spec.replicas"


def test_apply_makes_the_object_and_owns_its_fields(kube: Kube, namespace: str) -> None:
    made = kube.apply(config_map(namespace, "a", n="1"))
    entry = next(entry for entry in made["metadata"]["managedFields"] if entry["manager"] == "plimsoll")
    assert entry["operation"] == "Apply"
    again = kube.apply(config_map(namespace, "a", n="1"))
    assert version(again) == version(made)


def test_apply_against_another_managers_field_is_a_conflict_unless_forced(kube: Kube, namespace: str) -> None:
    made = kube.apply(config_map(namespace, "a", n="1"))
    another = {**config_map(namespace, "a", n="2")}
    kube.patch(ref(made), body={"data": {"n": "other"}})  # an Update by the same name is another owner
    with pytest.raises(Conflict) as caught:
        kube.apply(another)
    assert caught.value.field == ".data.n"
    assert kube.apply(another, force=True)["data"] == {"n": "2"}


def test_an_object_as_it_was_read_can_be_applied_again(kube: Kube, namespace: str) -> None:
    made = kube.apply(deployment(namespace, "web", replicas=0))
    kube.delete(ref(made))
    again = kube.apply(made)
    assert again["metadata"]["uid"] != made["metadata"]["uid"]


@pytest.mark.parametrize("write", ["create", "apply"])
def test_an_unknown_field_is_refused_by_name(kube: Kube, namespace: str, write: str) -> None:
    manifest = deployment(namespace, "web")
    manifest["spec"]["replicsa"] = 2
    with pytest.raises(InvalidInput, match="replicsa"):
        getattr(kube, write)(manifest)
    with pytest.raises(NotFound):
        kube.get(ref(manifest))


def test_an_invalid_object_names_its_fields(kube: Kube, namespace: str) -> None:
    manifest = deployment(namespace, "web", replicas=-1)
    del manifest["spec"]["template"]["spec"]["containers"][0]["name"]
    with pytest.raises(InvalidInput) as caught:
        kube.create(manifest)
    fields = {field for field, _ in caught.value.causes}
    assert {"spec.replicas", "spec.template.spec.containers[0].name"} <= fields


@pytest.mark.parametrize("absent", ["apiVersion", "kind", "metadata"])
def test_a_manifest_that_lacks_its_head_is_refused(kube: Kube, namespace: str, absent: str) -> None:
    manifest = {key: value for key, value in config_map(namespace, "a").items() if key != absent}
    with pytest.raises(InvalidInput) as caught:
        kube.create(manifest)
    assert caught.value.field == absent


def test_delete_heeds_uid_and_version(kube: Kube, namespace: str) -> None:
    made = kube.create(config_map(namespace, "a", n="1"))
    kube.patch(ref(made), body={"data": {"n": "2"}})
    with pytest.raises(Conflict):
        kube.delete(replace(ref(made), uid=ANOTHER_UID))
    with pytest.raises(Conflict):
        kube.delete(ref(made), resource_version=version(made))
    kube.delete(ref(made, uid=made["metadata"]["uid"]))
    with pytest.raises(NotFound):
        kube.delete(ref(made))
