"""The store alone: versions, conflicts, finalizers, the watch log, subscribers and pages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.kernel.clock import ManualClock
from apps.sandbox.kubeapi import errors
from apps.sandbox.kubeapi.builtin import CONFIGMAPS, PODS, builtin_registry
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import DeleteOptions, Store, WriteOptions
from tests.sandbox.kubeapi.objects import make_config_map


@pytest.fixture
def store(clock: ManualClock) -> Store:
    return Store(builtin_registry(), now=clock.now, seed=3, history=10)


def test_a_create_gives_identity_time_and_version(store: Store) -> None:
    made = store.create(CONFIGMAPS, obj=make_config_map("a"))["metadata"]
    assert made["creationTimestamp"] == "2026-03-01T12:00:00Z"
    assert len(made["uid"]) == 36
    assert made["resourceVersion"] == str(store.version)


def test_the_caller_keeps_its_object(store: Store) -> None:
    mine = make_config_map("a")
    store.create(CONFIGMAPS, obj=mine)
    assert "uid" not in mine["metadata"]
    mine["data"]["a"] = "changed"
    assert store.get(CONFIGMAPS, namespace="default", name="a")["data"] == {"a": "1"}


def test_a_taken_name_is_refused(store: Store) -> None:
    store.create(CONFIGMAPS, obj=make_config_map("a"))
    with pytest.raises(errors.AlreadyExists, match='configmaps "a" already exists'):
        store.create(CONFIGMAPS, obj=make_config_map("a"))


def test_a_generated_name_has_five_letters_more(store: Store) -> None:
    made = store.create(CONFIGMAPS, obj={"metadata": {"generateName": "web-", "namespace": "default"}})
    assert made["metadata"]["name"].startswith("web-")
    assert len(made["metadata"]["name"]) == len("web-") + 5


def test_a_stale_version_conflicts(store: Store) -> None:
    first = store.create(CONFIGMAPS, obj=make_config_map("a"))
    store.update(CONFIGMAPS, obj={**first, "data": {"a": "2"}})
    with pytest.raises(errors.Conflict, match="the object has been modified; please apply your changes"):
        store.update(CONFIGMAPS, obj={**first, "data": {"a": "3"}})


def test_a_wrong_uid_conflicts(store: Store) -> None:
    store.create(CONFIGMAPS, obj=make_config_map("a"))
    with pytest.raises(errors.Conflict, match="UID in precondition"):
        store.update(CONFIGMAPS, obj=make_config_map("a", uid="other"))


def test_a_write_that_changes_nothing_keeps_version_and_is_silent(store: Store) -> None:
    first = store.create(CONFIGMAPS, obj=make_config_map("a"))
    seen: list[str] = []
    store.subscribe(lambda event, resource, obj, old: seen.append(event))
    again = store.update(CONFIGMAPS, obj=make_config_map("a"))
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert seen == []


def test_a_finalizer_holds_a_deleted_object_until_it_is_taken_away(store: Store) -> None:
    store.create(CONFIGMAPS, obj=make_config_map("a", finalizers=["x.io/hold"]))
    held, gone = store.delete(CONFIGMAPS, namespace="default", name="a")
    assert not gone
    assert held["metadata"]["deletionTimestamp"] == "2026-03-01T12:00:00Z"
    free = make_config_map("a")
    store.update(CONFIGMAPS, obj=free)
    assert store.find(CONFIGMAPS, namespace="default", name="a") is None


def test_a_deletion_timestamp_cannot_be_taken_back(store: Store) -> None:
    store.create(CONFIGMAPS, obj=make_config_map("a", finalizers=["x.io/hold"]))
    store.delete(CONFIGMAPS, namespace="default", name="a")
    kept = store.update(CONFIGMAPS, obj=make_config_map("a", data={"b": "2"}, finalizers=["x.io/hold"]))
    assert kept["metadata"]["deletionTimestamp"] == "2026-03-01T12:00:00Z"


def test_a_delete_obeys_its_preconditions(store: Store) -> None:
    store.create(CONFIGMAPS, obj=make_config_map("a"))
    with pytest.raises(errors.Conflict, match=r"the ResourceVersion in the precondition \(1\) does not match"):
        store.delete(CONFIGMAPS, namespace="default", name="a", options=DeleteOptions(resource_version="1"))


def test_grace_sets_the_time_of_death_ahead(store: Store, clock: ManualClock) -> None:
    store.create(PODS, obj={"metadata": {"name": "p", "namespace": "default"}})
    dying, gone = store.delete(PODS, namespace="default", name="p", options=DeleteOptions(grace_seconds=30))
    assert not gone
    assert dying["metadata"]["deletionTimestamp"] == "2026-03-01T12:00:30Z"
    clock.advance(timedelta(seconds=30))
    _, gone = store.delete(PODS, namespace="default", name="p", options=DeleteOptions(grace_seconds=0))
    assert gone


def test_subscribers_see_nested_writes_in_order_of_version(store: Store) -> None:
    seen: list[int] = []

    def follow(event: str, resource: Resource, obj: Obj, old: Obj | None) -> None:
        if obj["metadata"]["name"] == "a":
            store.create(CONFIGMAPS, obj=make_config_map("b"))

    store.subscribe(follow)
    store.subscribe(lambda event, resource, obj, old: seen.append(int(obj["metadata"]["resourceVersion"])))
    store.create(CONFIGMAPS, obj=make_config_map("a"))
    assert seen == sorted(seen)
    assert len(seen) == 2


def test_a_version_out_of_the_window_is_expired(store: Store) -> None:
    start = store.version
    for number in range(30):
        store.create(CONFIGMAPS, obj=make_config_map(f"c{number}"))
    with pytest.raises(errors.Expired, match="too old resource version"):
        store.log.since(CONFIGMAPS.key, version=start)
    assert store.log.since(CONFIGMAPS.key, version=store.version) == []


def test_a_flood_of_one_kind_keeps_the_history_of_others(store: Store) -> None:
    start = store.version
    store.create(PODS, obj={"metadata": {"name": "p", "namespace": "default"}})
    for number in range(30):
        store.create(CONFIGMAPS, obj=make_config_map(f"c{number}"))
    assert [event.type for event in store.log.since(PODS.key, version=start)] == ["ADDED"]


def test_pages_are_consistent_while_objects_change(store: Store) -> None:
    for number in range(5):
        store.create(CONFIGMAPS, obj=make_config_map(f"c{number}"))
    first = store.list(CONFIGMAPS, limit=2)
    store.delete(CONFIGMAPS, namespace="default", name="c3")
    store.create(CONFIGMAPS, obj=make_config_map("c9"))
    second = store.list(CONFIGMAPS, limit=2, continue_=first.continue_)
    third = store.list(CONFIGMAPS, limit=2, continue_=second.continue_)
    names = [obj["metadata"]["name"] for page in (first, second, third) for obj in page.items]
    assert names == ["c0", "c1", "c2", "c3", "c4"]
    assert (first.remaining, second.remaining, third.remaining) == (3, 1, None)
    assert first.resource_version == third.resource_version


def test_a_forgotten_page_is_expired(store: Store) -> None:
    for number in range(3):
        store.create(CONFIGMAPS, obj=make_config_map(f"c{number}"))
    first = store.list(CONFIGMAPS, limit=1)
    store.compact()
    with pytest.raises(errors.Expired, match="continue parameter is too old"):
        store.list(CONFIGMAPS, limit=1, continue_=first.continue_)


def test_equal_parts_of_objects_are_one_in_memory(store: Store) -> None:
    labels = {"app": "web", "tier": "front"}
    one = store.create(CONFIGMAPS, obj=make_config_map("a", labels=labels))
    two = store.create(CONFIGMAPS, obj=make_config_map("b", labels=labels))
    assert one["metadata"]["labels"] is two["metadata"]["labels"]


def test_a_dry_run_stores_nothing(store: Store) -> None:
    before = store.version
    store.create(CONFIGMAPS, obj=make_config_map("a"), options=WriteOptions(dry_run=True))
    assert store.find(CONFIGMAPS, namespace="default", name="a") is None
    assert store.version == before
