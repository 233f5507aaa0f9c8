"""Field ownership: who owns what after applies and plain writes, and when an apply is refused.

Every expected answer here was seen on kube-apiserver 1.36.
"""

from __future__ import annotations

from typing import Any

import pytest

from apps.sandbox.kubeapi import fieldsets, ssa
from apps.sandbox.kubeapi.builtin import CONFIGMAPS, DEPLOYMENTS
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.errors import Conflict, Obj
from apps.sandbox.kubeapi.openapi import spec
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import WriteOptions
from tests.sandbox.kubeapi.objects import make_config_map, make_deployment


def apply(cluster: Cluster, config: Obj, *, manager: str, force: bool = False, resource: Resource = CONFIGMAPS) -> Obj:
    """Apply as the HTTP front does, without HTTP."""
    config = {"apiVersion": resource.api_version, "kind": resource.kind, **config}
    options = WriteOptions(manager=manager, operation="Apply")
    metadata = config["metadata"]
    live = cluster.store.find(resource, namespace=metadata["namespace"], name=metadata["name"])
    writer = cluster.rules.writer(cluster.store, resource=resource, options=options)
    result = ssa.apply(writer, live=live or {}, config=config, force=force)
    write = cluster.store.update if live else cluster.store.create
    return write(resource, obj=result, options=options)


def owned(obj: Obj) -> dict[str, set[str]]:
    """The owned paths by manager (with its subresource), as conflicts spell them."""
    found: dict[str, set[str]] = {}
    for owner in ssa.owners_of(obj):
        name = f"{owner.manager}/{owner.subresource}" if owner.subresource else owner.manager
        found.setdefault(name, set()).update(fieldsets.text(path) for path in owner.paths)
    return found


def test_an_apply_owns_what_it_says_and_no_more(cluster: Cluster) -> None:
    made = apply(cluster, make_deployment("web", replicas=2), manager="one", resource=DEPLOYMENTS)
    assert owned(made)["one"] == {
        ".metadata.labels.app",
        ".spec.replicas",
        ".spec.selector",
        ".spec.template.metadata.labels.app",
        '.spec.template.spec.containers[name="web"]',
        '.spec.template.spec.containers[name="web"].image',
        '.spec.template.spec.containers[name="web"].name',
    }


def test_a_changed_field_of_another_applier_conflicts(cluster: Cluster) -> None:
    apply(cluster, make_config_map("a"), manager="one")
    with pytest.raises(Conflict) as caught:
        apply(cluster, make_config_map("a", data={"a": "2"}), manager="two")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.a"}
    assert caught.value.details == {"causes": [cause]}


def test_several_conflicts_are_listed_by_manager(cluster: Cluster) -> None:
    apply(cluster, make_config_map("a", data={"a": "1", "b": "1"}), manager="one")
    with pytest.raises(Conflict, match=r'failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b'):
        apply(cluster, make_config_map("a", data={"a": "2", "b": "2"}), manager="two")


def test_a_plain_writer_is_named_with_its_version(cluster: Cluster) -> None:
    options = WriteOptions(manager="kubectl")
    cluster.store.create(DEPLOYMENTS, obj=make_deployment("web", replicas=1), options=options)
    with pytest.raises(Conflict, match='conflict with "kubectl" using apps/v1: .spec.replicas'):
        apply(cluster, make_deployment("web", replicas=3), manager="one", resource=DEPLOYMENTS)


def test_force_takes_the_field_over(cluster: Cluster) -> None:
    apply(cluster, make_config_map("a"), manager="one")
    done = apply(cluster, make_config_map("a", data={"a": "2"}), manager="two", force=True)
    assert done["data"] == {"a": "2"}
    assert ".data.a" not in owned(done).get("one", set())
    assert ".data.a" in owned(done)["two"]


def test_the_same_value_is_shared(cluster: Cluster) -> None:
    apply(cluster, make_config_map("a"), manager="one")
    done = apply(cluster, make_config_map("a"), manager="two")
    assert ".data.a" in owned(done)["one"]
    assert ".data.a" in owned(done)["two"]


def test_a_field_that_is_applied_no_more_goes(cluster: Cluster) -> None:
    apply(cluster, make_config_map("a", data={"a": "1", "b": "2"}), manager="one")
    done = apply(cluster, make_config_map("a", data={"a": "1"}), manager="one")
    assert done["data"] == {"a": "1"}


def test_a_field_that_another_applies_too_stays(cluster: Cluster) -> None:
    apply(cluster, make_config_map("a", data={"a": "1", "b": "2"}), manager="one")
    apply(cluster, make_config_map("a", data={"b": "2"}), manager="two")
    done = apply(cluster, make_config_map("a", data={"a": "1"}), manager="one")
    assert done["data"] == {"a": "1", "b": "2"}


def test_released_replicas_fall_to_one(cluster: Cluster) -> None:
    """Measured on 1.36: replicas taken by forced apply and then released are defaulted."""
    cluster.store.create(DEPLOYMENTS, obj=make_deployment("web", replicas=5), options=WriteOptions(manager="kubectl"))
    apply(cluster, make_deployment("web", replicas=0), manager="plimsoll", force=True, resource=DEPLOYMENTS)
    done = apply(cluster, make_deployment("web", replicas=None), manager="plimsoll", resource=DEPLOYMENTS)
    assert done["spec"]["replicas"] == 1


def test_an_apply_of_the_same_changes_nothing(cluster: Cluster) -> None:
    first = apply(cluster, make_deployment("web"), manager="one", resource=DEPLOYMENTS)
    again = apply(cluster, make_deployment("web"), manager="one", resource=DEPLOYMENTS)
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_a_plain_write_takes_only_what_it_changes(cluster: Cluster) -> None:
    apply(cluster, make_config_map("a", data={"a": "1", "b": "1"}), manager="one")
    cluster.store.modify(
        CONFIGMAPS,
        namespace="default",
        name="a",
        change=lambda obj: obj["data"].update(b="2", c="3"),
        options=WriteOptions(manager="edit"),
    )
    now = owned(cluster.store.get(CONFIGMAPS, namespace="default", name="a"))
    assert now["edit"] == {".data.b", ".data.c"}
    assert now["one"] == {".data.a"}


def scale(cluster: Cluster, replicas: int, *, manager: str) -> Obj:
    """Write replicas as the scale subresource does."""
    return cluster.store.modify(
        DEPLOYMENTS,
        namespace="default",
        name="web",
        change=lambda obj: obj["spec"].update(replicas=replicas),
        options=WriteOptions(manager=manager, subresource="scale"),
    )


def test_a_scale_owns_replicas_under_its_subresource(cluster: Cluster) -> None:
    cluster.store.create(DEPLOYMENTS, obj=make_deployment("web", replicas=2), options=WriteOptions(manager="kubectl"))
    done = owned(scale(cluster, 3, manager="plimsoll"))
    assert done["plimsoll/scale"] == {".spec.replicas"}
    assert ".spec.replicas" not in done["kubectl"]


def test_scaling_to_zero_leaves_replicas_to_nobody_and_so_does_scaling_up_again(cluster: Cluster) -> None:
    """Seen on 1.36: a Scale leaves a zero out, which takes the field from its owners."""
    cluster.store.create(DEPLOYMENTS, obj=make_deployment("web", replicas=2), options=WriteOptions(manager="kubectl"))
    asleep = owned(scale(cluster, 0, manager="plimsoll"))
    awake = owned(scale(cluster, 2, manager="plimsoll"))
    for owners in (asleep, awake):
        assert all(".spec.replicas" not in paths for paths in owners.values())


def test_an_object_that_was_never_tracked_gets_a_first_owner(cluster: Cluster) -> None:
    cluster.store.create(CONFIGMAPS, obj=make_config_map("a"))
    with pytest.raises(Conflict, match='conflict with "before-first-apply" using v1: .data.a'):
        apply(cluster, make_config_map("a", data={"a": "2"}), manager="one")


def test_field_sets_survive_their_own_spelling() -> None:
    item = 'k:{"name":"x"}'
    paths: Any = {("f:a",), ("f:a", "f:b"), ("f:l", item), ("f:l", item, "f:v"), ("f:s", 'v:"y"')}
    assert fieldsets.parse(fieldsets.render(paths)) == paths


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        ("abc", "abc", "abc"),
        ("ab", "c", "abc"),
        ("abc", "ca", "bca"),
        ("axby", "ba", "xbya"),
        ("abcd", "db", "acdb"),
        ("", "ab", "ab"),
        ("ab", "", "ab"),
        ("abc", "xb", "axbc"),
    ],
)
def test_merged_lists_keep_the_applied_order(old: str, new: str, want: str) -> None:
    node = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
    assert "".join(ssa.merge(spec.types(), node=node, old=list(old), new=list(new))) == want
