"""Sleeping, waking, previewing, applying and leaving by hand: the same road, with a person's name on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.fleet.connections import seal
from apps.fleet.models import Namespace, Workload
from apps.fleet.services import sync_rows
from apps.identity.models import User
from apps.kernel.decisions import PolicyRef, Verdict
from apps.kernel.errors import Forbidden, InvalidInput
from apps.kernel.ports import KubeConnection
from apps.ledger.models import ActionRow, DecisionRow
from apps.policies import services
from apps.sandbox.sim.traffic import Source
from tests.policies.build import make_policy
from tests.policies.conftest import MakeWorld
from tests.policies.world import World


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    made = make_world()
    made.row.sealed_credentials = seal(KubeConnection("https://memory"))
    made.row.save()
    made.add_namespace("dev")
    return made


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create_superuser("anna", password="long enough for all")


def rows(world: World, *names: str) -> list[Workload]:
    sync_rows(cluster=world.row, cache=world.cache, now=world.clock.now())
    found = {row.name: row for row in Workload.objects.select_related("cluster")}
    return [found[name] for name in names]


def asked(world: World, anna: User, *names: str, **more: Any) -> list[services.ManualResult]:
    return services.sleep_workloads(rows=rows(world, *names), actor=anna, reason="a quiet day", request_id="r1", **more)


def test_after_a_sleep_and_a_wake_by_hand_its_policy_says_again_why_it_is_awake(world: World, anna: User) -> None:
    world.add_workload("web", namespace="dev")
    until = (world.clock.now() + timedelta(days=1)).isoformat()
    world.add_policy(make_policy(rule={"idleAfter": "10m", "keepAwakeUntil": until}))
    rows(world, "web")
    world.run(timedelta(minutes=2))
    (row,) = rows(world, "web")
    before = row.last_decision_id
    assert row.reason_code == "KeepAwakeUntil"
    asked(world, anna, "web")
    world.work()
    world.run(timedelta(minutes=2))
    services.wake_workloads(rows=rows(world, "web"), actor=anna, reason="back", request_id="r2")
    world.work()
    world.run(timedelta(minutes=2))
    (row,) = rows(world, "web")
    assert row.reason_code == "KeepAwakeUntil"
    assert row.last_decision_id not in (None, before)
    newest = DecisionRow.objects.filter(subject_name="web").order_by("-decided_at", "-id").first()
    assert newest is not None
    assert newest.pk == row.last_decision_id
    count = DecisionRow.objects.count()
    world.run(timedelta(minutes=10))
    assert DecisionRow.objects.count() == count


def test_a_person_puts_a_workload_to_sleep_and_wakes_it(world: World, anna: User) -> None:
    key = world.add_workload("web", namespace="dev", replicas=3)
    (result,) = asked(world, anna, "web")
    assert (result.verdict, result.reason.code, result.state) == ("Act", "AskedToSleep", "Due")
    world.work()
    assert world.replicas(key) == 0
    world.run(timedelta(minutes=5))
    assert world.replicas(key) == 0  # nobody's policy wakes what a person put to sleep
    (woken,) = services.wake_workloads(rows=rows(world, "web"), actor=anna, reason="back", request_id="r2")
    world.work()
    assert (woken.state, world.replicas(key)) == ("Due", 3)
    row = DecisionRow.objects.get(pk=result.decision_id)
    assert (row.kind, row.actor, row.operands["why"]) == ("Manual", "anna", "a quiet day")


def test_a_sleep_with_an_end_wakes_by_itself(world: World, anna: User) -> None:
    key = world.add_workload("web", namespace="dev")
    asked(world, anna, "web", until=world.clock.now() + timedelta(minutes=10))
    world.run(timedelta(minutes=9))
    assert world.replicas(key) == 0
    world.run(timedelta(minutes=2))
    assert world.replicas(key) == 2


def test_a_dry_run_records_and_changes_nothing(world: World, anna: User) -> None:
    key = world.add_workload("web", namespace="dev")
    (result,) = asked(world, anna, "web", dry_run=True)
    assert (result.verdict, result.action_id, world.replicas(key)) == ("Act", None, 2)
    assert (DecisionRow.objects.count(), ActionRow.objects.count()) == (0, 0)


def test_more_than_fifty_at_once_wait_for_one_approval(world: World, anna: User) -> None:
    names = [f"w{i}" for i in range(51)]
    for name in names:
        world.add_workload(name, namespace="dev")
    results = asked(world, anna, *names)
    assert {result.state for result in results} == {"WaitingApproval"}
    assert len({result.approval_id for result in results}) == 1
    world.work()
    assert world.replicas("Deployment/dev/w0") == 2


def test_production_waits_for_approval_and_waking_it_does_not(world: World, anna: User) -> None:
    world.add_object("v1", "Namespace", "", "shop", {}, labels={"environment": "production"})
    world.add_workload("web", namespace="shop")
    (result,) = asked(world, anna, "web")
    assert Namespace.objects.filter(name="shop").exists()
    assert result.state == "WaitingApproval"


def test_a_sleep_of_what_sleeps_already_says_who_put_it_to_sleep(world: World, anna: User) -> None:
    world.add_workload("web", namespace="dev")
    asked(world, anna, "web")
    world.work()
    (again,) = asked(world, anna, "web")
    assert (again.verdict, again.reason.code) == (Verdict.REFUSE, "AsleepByHand")


def test_what_cannot_sleep_is_refused_and_stops_no_other(world: World, anna: User) -> None:
    world.add_workload("web", namespace="dev")
    world.add_workload("off", namespace="dev", replicas=0)
    world.add_workload("owned", namespace="dev")
    tracking = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:dev/owned"}
    world.kube.edit("Deployment", "dev", "owned", {"metadata": {"annotations": tracking}})
    codes = [result.reason.code for result in asked(world, anna, "off", "owned", "web")]
    assert codes == ["AlreadyAtZero", "GitOpsOwnsReplicas", "AskedToSleep"]


def test_a_reason_and_the_role_are_required(world: World) -> None:
    world.add_workload("web", namespace="dev")
    guest = User.objects.create_user("guest")
    with pytest.raises(Forbidden):
        services.sleep_workloads(rows=rows(world, "web"), actor=guest, reason="x", request_id="r")
    with pytest.raises(InvalidInput, match="reason"):
        services.wake_workloads(rows=rows(world, "web"), actor="test", reason=" ", request_id="r")


def test_a_preview_tells_what_a_policy_would_do_and_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = world.add_workload("web", namespace="dev")
    world.add_workload("worker", namespace="dev", routed=False)
    world.add_traffic(Source(key, shape="idle"))
    monkeypatch.setattr("apps.policies.previews.metrics", lambda cluster: world.metrics)
    found = services.preview(cluster=world.row, manifest=make_policy(mode="DryRun", rule={"gracePeriod": "1h"}))
    assert {i.decision.subject.name: i.decision.reason.code for i in found.items} == {
        "web": "Idle",
        "worker": "NoRoute",
    }
    assert (found.would_sleep, found.was, {i.mode for i in found.items}) == (1, None, {"DryRun"})
    assert DecisionRow.objects.count() == 0
    assert not any(kind == "ResourcePolicy" for kind, _, _ in world.kube.objects)


def test_a_preview_names_what_is_wrong(world: World) -> None:
    with pytest.raises(InvalidInput) as raised:
        services.preview(cluster=world.row, manifest=make_policy(rule={"schedule": {"timeZone": "Nowhere"}}))
    assert raised.value.field == "spec.scaleToZero.schedule.timeZone"
    with pytest.raises(InvalidInput, match="not a policy"):
        services.preview(cluster=world.row, manifest={"apiVersion": "v1", "kind": "Pod"})


def test_a_policy_is_applied_through_the_ledger(world: World, anna: User) -> None:
    manifest = make_policy()
    manifest["metadata"] = {"name": "nights", "namespace": "dev"}
    written = services.apply_policy(cluster=world.row, manifest=manifest, actor=anna, request_id="r1")
    assert (written.action is not None, written.was) == (True, None)
    world.work()
    assert ("ResourcePolicy", "dev", "nights") in world.kube.objects
    again = services.apply_policy(cluster=world.row, manifest=manifest, actor=anna, request_id="r2")
    assert again.action is None


def test_deleting_a_policy_waits_for_approval(world: World, anna: User) -> None:
    world.add_policy(make_policy())
    ref = PolicyRef("ResourcePolicy", "dev", "nights")
    written = services.delete_policy(cluster=world.row, ref=ref, actor=anna, request_id="r1", reason="over")
    assert written.action is not None
    assert written.action.state == "WaitingApproval"


def test_a_policy_of_argo_cd_is_read_only_here(world: World, anna: User) -> None:
    policy = make_policy()
    policy["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "shop:plimsoll.dev/ResourcePolicy:dev/n"}
    world.add_policy(policy)
    with pytest.raises(Forbidden, match="Argo CD Application shop"):
        services.apply_policy(cluster=world.row, manifest=make_policy(mode="Warn"), actor=anna, request_id="r")


def test_uninstall_wakes_everything_before_it_removes_anything(world: World, anna: User) -> None:
    keys = [world.add_workload(f"w{i}", namespace="dev", replicas=i + 1) for i in range(3)]
    for key in keys:
        world.add_traffic(Source(key, shape="idle"))
    world.add_policy(make_policy(rule={"idleAfter": "10m"}))
    world.run(timedelta(minutes=2))
    asked(world, anna, "w2") if world.replicas(keys[2]) else None
    assert [world.replicas(key) for key in keys] == [0, 0, 0]
    rehearsed = services.uninstall(cluster=world.row, actor=anna, request_id="r1", dry_run=True)
    assert (sorted(rehearsed.woken), world.replicas(keys[0])) == (sorted(keys), 0)
    report = services.uninstall(cluster=world.row, actor=anna, request_id="r2")
    assert [world.replicas(key) for key in keys] == [1, 2, 3]
    assert sorted(report.woken) == sorted(keys)
    assert report.ok
    assert not any(kind == "ResourcePolicy" for kind, _, _ in world.kube.objects)
