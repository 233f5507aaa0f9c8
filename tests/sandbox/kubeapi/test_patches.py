"""JSON, merge and strategic merge patches."""

from __future__ import annotations

from typing import Any

import pytest

from apps.sandbox.kubeapi import patches
from apps.sandbox.kubeapi.errors import BadRequest, Invalid, Obj
from apps.sandbox.kubeapi.openapi import spec
from apps.sandbox.kubeapi.typed import Schema


def strategic(obj: Obj, patch: Obj, *, kind: str = "Deployment", group: str = "apps") -> Obj:
    """The object after a strategic patch by the schema of a built-in kind."""
    schema: Schema | None = spec.schema_of(group, version="v1", kind=kind)
    assert schema is not None
    return patches.strategic_patch(spec.types(), node=schema, obj=obj, patch=patch)


def pod(*containers: Obj, **more: Any) -> Obj:
    return {"spec": {"template": {"spec": {"containers": list(containers), **more}}}}


def names(obj: Obj) -> list[str]:
    return [entry["name"] for entry in obj["spec"]["template"]["spec"]["containers"]]


A, B, C = ({"name": name, "image": f"{name}:1"} for name in "abc")


@pytest.mark.parametrize(
    ("value", "patch", "want"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": None}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
    ],
)
def test_merge_patches_follow_the_rfc(value: Obj, patch: Obj, want: Obj) -> None:
    assert patches.merge_patch(value, patch=patch) == want


def test_a_json_patch_is_done_in_order() -> None:
    patch = [{"op": "test", "path": "/a", "value": 1}, {"op": "replace", "path": "/a", "value": 2}]
    assert patches.json_patch({"a": 1}, patch=patch) == {"a": 2}


@pytest.mark.parametrize(
    "patch",
    [
        [{"op": "test", "path": "/a", "value": 9}],
        [{"op": "remove", "path": "/nope"}],
        [{"op": "replace", "path": "/nope/deep", "value": 1}],
    ],
)
def test_a_json_patch_that_cannot_be_done_is_invalid(patch: list[Obj]) -> None:
    with pytest.raises(Invalid, match="the server rejected our request due to an error in our request"):
        patches.json_patch({"a": 1}, patch=patch)


def test_a_json_patch_that_is_no_list_is_a_bad_request() -> None:
    with pytest.raises(BadRequest):
        patches.json_patch({}, patch={"op": "add"})


def test_containers_merge_by_name() -> None:
    done = strategic(pod(A, B), pod({"name": "b", "image": "b:2"}))
    assert done["spec"]["template"]["spec"]["containers"] == [A, {"name": "b", "image": "b:2"}]


def test_a_new_container_is_added() -> None:
    assert names(strategic(pod(A), pod(C))) == ["a", "c"]


def test_a_container_is_deleted_by_directive() -> None:
    assert names(strategic(pod(A, B), pod({"name": "a", "$patch": "delete"}))) == ["b"]


def test_a_list_is_replaced_by_directive() -> None:
    assert names(strategic(pod(A, B), pod({"$patch": "replace"}, C))) == ["c"]


def test_the_order_that_is_asked_for_is_kept() -> None:
    order = {"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}
    assert names(strategic(pod(A, B), pod(C, **order))) == ["c", "a", "b"]


def test_atomic_lists_are_replaced() -> None:
    one, two = {"name": "a", "args": ["x", "y"]}, {"name": "a", "args": ["z"]}
    done = strategic(pod(one), pod(two))
    assert done["spec"]["template"]["spec"]["containers"][0]["args"] == ["z"]


def test_ports_merge_by_number() -> None:
    before, change = {"containerPort": 80, "name": "http"}, {"containerPort": 80, "name": "web"}
    done = strategic(pod({"name": "a", "ports": [before]}), pod({"name": "a", "ports": [change]}))
    assert done["spec"]["template"]["spec"]["containers"][0]["ports"] == [change]


def test_finalizers_merge_and_go_one_by_one() -> None:
    obj = {"metadata": {"finalizers": ["a", "b"]}}
    assert strategic(obj, {"metadata": {"finalizers": ["c"]}})["metadata"]["finalizers"] == ["a", "b", "c"]
    gone = strategic(obj, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}})
    assert gone["metadata"]["finalizers"] == ["b"]


def test_retained_keys_drop_the_others() -> None:
    obj = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic(obj, patch)["spec"]["strategy"] == {"type": "Recreate"}


def test_null_takes_a_key_away() -> None:
    assert strategic({"spec": {"replicas": 1, "paused": True}}, {"spec": {"paused": None}}) == {"spec": {"replicas": 1}}


def test_an_item_without_its_merge_key_is_refused() -> None:
    with pytest.raises(BadRequest, match="does not contain declared merge key: name"):
        strategic(pod(A), pod({"image": "x"}))
