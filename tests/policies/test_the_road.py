"""The road end to end: observe, decide, submit, carry out, and what the cluster then looks like."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.identity.models import User
from apps.kernel.errors import PreconditionFailed, Unavailable
from apps.ledger import services as ledger
from apps.ledger.leases import cluster_lead
from apps.ledger.models import ActionRow, ApprovalRequest, DecisionRow, Record
from apps.policies.models import Notice, Policy
from apps.sandbox.sim.traffic import Source
from tests.policies.build import make_policy
from tests.policies.conftest import MakeWorld
from tests.policies.world import World


def idle_workload(world: World, name: str = "web") -> str:
    """Nobody but the test asks for it, by `demand.hit(0, ...)`."""
    world.add_namespace("dev")
    key = world.add_workload(name, namespace="dev")
    world.add_traffic(Source(key, shape="idle"))
    return key


def approve(approval: ApprovalRequest) -> None:
    boss = User.objects.create_superuser("boss", password="long enough for all")
    ledger.vote(approval=approval, user=boss, approve=True, reason="fine")


def test_an_idle_workload_sleeps_with_its_mark_and_wakes_on_demand_as_it_was(make_world: MakeWorld) -> None:
    world = make_world()
    world.add_namespace("dev")
    key = world.add_workload("web", namespace="dev", replicas=3)
    world.add_traffic(Source(key, per_hour=0.0, shape="idle"))
    world.add_policy(make_policy(rule={"idleAfter": "10m"}))
    world.run(timedelta(minutes=1))
    obj = world.obj(key)
    assert obj["spec"]["replicas"] == 0
    mark = json.loads(obj["metadata"]["annotations"]["plimsoll.dev/slept"])
    assert (mark["replicas"], mark["policy"]) == (3, "ResourcePolicy/dev/nights")
    assert DecisionRow.objects.get(pk=mark["action"]).reason_code == "Idle"
    world.run(timedelta(minutes=5))
    world.demand.hit(0, at_ms=int(world.clock.now().timestamp() * 1000))
    world.run(timedelta(minutes=2))
    obj = world.obj(key)
    assert obj["spec"]["replicas"] == 3
    assert "plimsoll.dev/slept" not in (obj["metadata"].get("annotations") or {})
    assert [a.kind for a in ActionRow.objects.order_by("created_at")] == ["Sleep", "Wake"]
    policy = Policy.objects.get()
    assert (policy.matched, policy.ready) == (1, True)


def test_a_leader_that_was_replaced_while_it_slept_writes_nothing(make_world: MakeWorld) -> None:
    world = make_world()
    key = idle_workload(world)
    world.add_policy(make_policy(rule={"idleAfter": "10m"}))
    name = cluster_lead(world.row.pk)
    span = timedelta(seconds=20)
    old = ledger.LEASES.acquire(name, holder="paused", span=span, now=world.clock.now())
    later = world.clock.now() + 2 * span
    new = ledger.LEASES.acquire(name, holder="next", span=span, now=later)
    assert old is not None
    assert new is not None
    with pytest.raises(PreconditionFailed):
        world.evaluate(epoch=old.epoch)
    assert not DecisionRow.objects.exists()
    assert not Policy.objects.exists()
    world.evaluate(epoch=new.epoch)
    assert DecisionRow.objects.filter(subject_name=key.rpartition("/")[2]).exists()


def test_a_warn_policy_tells_and_changes_nothing(make_world: MakeWorld) -> None:
    world = make_world()
    key = idle_workload(world)
    world.add_policy(make_policy(mode="Warn", rule={"idleAfter": "10m"}))
    world.run(timedelta(minutes=5))
    assert (world.replicas(key), ActionRow.objects.count()) == (2, 0)
    events = [obj for (kind, _, _), obj in world.kube.objects.items() if kind == "Event"]
    assert [(e["reason"], e["involvedObject"]["name"]) for e in events] == [("Idle", "web")]
    assert Notice.objects.get(over=False).reason_code == "Idle"
    world.demand.hit(0, at_ms=int(world.clock.now().timestamp() * 1000))
    world.run(timedelta(minutes=2))
    assert not Notice.objects.filter(over=False).exists()


def test_a_dry_run_policy_only_records(make_world: MakeWorld) -> None:
    world = make_world()
    key = idle_workload(world)
    world.add_policy(make_policy(mode="DryRun", rule={"idleAfter": "10m"}))
    before = world.kube.writes
    world.run(timedelta(minutes=2))
    row = DecisionRow.objects.get(reason_code="Idle")
    assert (row.mode, row.state, row.action) == ("DryRun", "Recorded", None)
    assert (world.replicas(key), world.kube.writes - before) == (2, 1)  # the policy's status


def test_a_policy_that_asks_for_approval_waits_for_it(make_world: MakeWorld) -> None:
    world = make_world()
    key = idle_workload(world)
    world.add_policy(make_policy(approval="Required", rule={"idleAfter": "10m"}))
    world.run(timedelta(minutes=5))
    action = ActionRow.objects.get()
    assert (action.state, world.replicas(key)) == ("WaitingApproval", 2)
    assert action.approval is not None
    world.demand.hit(0, at_ms=int(world.clock.now().timestamp() * 1000))
    world.run(timedelta(minutes=2))
    approve(action.approval)
    world.run(timedelta(minutes=1))
    action.refresh_from_db()
    assert (action.state, world.replicas(key)) == ("Refused", 2)  # somebody asked for it meanwhile


def test_when_nothing_changes_nothing_is_written(make_world: MakeWorld) -> None:
    world = make_world()
    idle_workload(world)
    idle_workload(world, "api")
    world.add_traffic(Source("Deployment/dev/api", per_hour=600.0))
    world.add_policy(make_policy(rule={"idleAfter": "10m"}))
    world.run(timedelta(minutes=12))
    writes, records = world.kube.writes, Record.objects.count()
    rows = set(DecisionRow.objects.values_list("pk", "last_seen"))
    world.run(timedelta(minutes=10))
    assert world.kube.writes == writes
    assert Record.objects.count() == records
    assert set(DecisionRow.objects.values_list("pk", "last_seen")) == rows


def test_the_status_names_what_is_wrong_and_what_is_refused(make_world: MakeWorld) -> None:
    world = make_world()
    idle_workload(world)
    world.add_workload("worker", namespace="dev", routed=False)
    world.add_policy(make_policy(rule={"idleAfter": "10m"}))
    world.add_policy(make_policy("broken", rule={"schedule": {"timeZone": "Mars/Olympus"}}))
    world.run(timedelta(minutes=1))
    good = world.kube.objects["ResourcePolicy", "dev", "nights"]["status"]
    assert {c["type"]: c["status"] for c in good["conditions"]} == dict.fromkeys(
        ("Accepted", "Enforced", "Ready"), "True"
    )
    assert (good["matched"], good["asleep"], good["refused"]) == (2, 1, 1)
    assert [(r["name"], r["reason"]) for r in good["refusals"]] == [("worker", "NoRoute")]
    bad = world.kube.objects["ResourcePolicy", "dev", "broken"]["status"]
    accepted = next(c for c in bad["conditions"] if c["type"] == "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", "InvalidSpec")
    assert "spec.scaleToZero.schedule.timeZone" in accepted["message"]
    assert accepted["observedGeneration"] == bad["observedGeneration"] == 1


def test_deleting_a_policy_wakes_what_it_put_to_sleep(make_world: MakeWorld) -> None:
    world = make_world()
    key = idle_workload(world)
    world.add_policy(make_policy(rule={"idleAfter": "10m"}))
    world.add_policy(make_policy("lower", priority=1, rule={"idleAfter": "10m", "minAwake": "1h"}))
    world.run(timedelta(minutes=2))
    assert world.replicas(key) == 0
    world.kube.drop("ResourcePolicy", "dev", "nights")
    world.run(timedelta(minutes=2))
    assert world.replicas(key) == 2
    assert DecisionRow.objects.filter(reason_code="PolicyRemoved").exists()
    assert not Policy.objects.filter(name="nights").exists()


def test_the_wake_annotation_wakes_and_is_taken_away(make_world: MakeWorld) -> None:
    world = make_world()
    key = idle_workload(world)
    world.add_policy(make_policy(rule={"idleAfter": "10m", "minAwake": "30m"}))
    world.run(timedelta(minutes=2))
    world.kube.edit("Deployment", "dev", "web", {"metadata": {"annotations": {"plimsoll.dev/wake": "now"}}})
    world.run(timedelta(minutes=1))
    assert (world.replicas(key), world.obj(key)["metadata"].get("annotations")) == (2, {})
    world.run(timedelta(minutes=20))
    assert world.replicas(key) == 2  # minAwake, counted from the wake
    world.run(timedelta(minutes=15))
    assert world.replicas(key) == 0


def test_a_manifest_applied_again_every_three_minutes_does_not_flap(make_world: MakeWorld) -> None:
    world = make_world(tick=timedelta(minutes=1))
    key = idle_workload(world)
    world.add_policy(make_policy(rule={"idleAfter": "10m"}))
    for _ in range(24 * 20):
        world.run(timedelta(minutes=3))
        world.kube.edit("Deployment", "dev", "web", {"spec": {"replicas": 2}, "status": {"readyReplicas": 2}})
    world.run(timedelta(minutes=1))
    assert ActionRow.objects.filter(kind="Sleep").count() == 2
    assert world.replicas(key) == 2
    assert "plimsoll.dev/slept" not in (world.obj(key)["metadata"].get("annotations") or {})
    row = DecisionRow.objects.filter(current=True, subject_name="web").latest("decided_at")
    assert row.reason_code == "RestoredOutside"


def test_a_restart_of_plimsoll_forgets_nothing_that_matters(make_world: MakeWorld) -> None:
    world = make_world()
    key = idle_workload(world)
    world.add_policy(make_policy(rule={"idleAfter": "10m", "minAwake": "30m"}))
    world.run(timedelta(minutes=2))
    world.restart_plimsoll()
    world.demand.hit(0, at_ms=int(world.clock.now().timestamp() * 1000))
    world.run(timedelta(minutes=2))
    assert world.replicas(key) == 2
    world.restart_plimsoll()
    decisions = DecisionRow.objects.count()
    world.run(timedelta(minutes=5))
    assert (world.replicas(key), DecisionRow.objects.count()) == (2, decisions)


def test_an_outage_of_the_metrics_wakes_nobody(make_world: MakeWorld) -> None:
    world = make_world()
    key = idle_workload(world)
    for _ in range(50):
        world.demand.hit(0, at_ms=world.start_ms - 80_000_000)
    world.add_policy(make_policy(rule={"idleAfter": "10m"}))
    world.run(timedelta(minutes=2))
    now = int(world.clock.now().timestamp() * 1000)
    world.targets.prometheus_gap(start_ms=now, end_ms=now + 3_600_000)
    world.run(timedelta(minutes=90))
    assert world.replicas(key) == 0
    assert [a.kind for a in ActionRow.objects.all()] == ["Sleep"]


def test_a_scaled_object_is_paused_and_restored_exactly(make_world: MakeWorld) -> None:
    world = make_world()
    key = idle_workload(world)
    target = {"scaleTargetRef": {"name": "web"}}
    pause = "autoscaling.keda.sh/paused-replicas"
    world.add_object("keda.sh/v1alpha1", "ScaledObject", "dev", "web", target, annotations={pause: "4"})
    world.add_policy(make_policy(rule={"idleAfter": "10m", "minAwake": "1h"}))
    world.run(timedelta(minutes=1))
    scaled = world.kube.objects["ScaledObject", "dev", "web"]["metadata"]["annotations"]
    assert (world.replicas(key), scaled) == (0, {pause: "0"})
    world.kube.edit("Deployment", "dev", "web", {"metadata": {"annotations": {"plimsoll.dev/wake": "now"}}})
    world.run(timedelta(minutes=1))
    scaled = world.kube.objects["ScaledObject", "dev", "web"]["metadata"]["annotations"]
    assert (world.replicas(key), scaled) == (2, {pause: "4"})


def test_a_cron_job_is_suspended_outside_its_hours(make_world: MakeWorld) -> None:
    world = make_world(tick=timedelta(minutes=5))  # a Wednesday, 8:00
    world.add_namespace("dev")
    key = world.add_workload("tick", namespace="dev", kind="CronJob", routed=False)
    hours = {"keepAwake": [{"days": ["Wed", "Thu"], "from": "09:00", "to": "10:00"}]}
    world.add_policy(make_policy(rule={"idleAfter": None, "schedule": hours}))
    world.run(timedelta(minutes=10))
    assert world.obj(key)["spec"]["suspend"] is True
    world.run(timedelta(minutes=60))
    assert world.obj(key)["spec"]["suspend"] is False
    world.run(timedelta(minutes=60))
    assert world.obj(key)["spec"]["suspend"] is True


def test_two_policies_on_one_workload_both_say_so(make_world: MakeWorld) -> None:
    world = make_world()
    idle_workload(world)
    world.add_policy(make_policy("high", priority=200, rule={"idleAfter": "10m"}))
    world.add_policy(make_policy("low", rule={"idleAfter": "10m"}))
    world.run(timedelta(minutes=1))
    for name, other in (("high", "low"), ("low", "high")):
        status = world.kube.objects["ResourcePolicy", "dev", name]["status"]
        ready = next(c for c in status["conditions"] if c["type"] == "Ready")
        assert (status["conflicts"], ready["reason"]) == (1, "SharesWorkloads")
        assert f"ResourcePolicy/dev/{other}" in ready["message"]


def test_a_sleep_that_was_approved_after_its_policy_went_does_not_happen(make_world: MakeWorld) -> None:
    world = make_world()
    key = idle_workload(world)
    world.add_policy(make_policy(approval="Required", rule={"idleAfter": "10m"}))
    world.run(timedelta(minutes=1))
    approval = ActionRow.objects.get().approval
    assert approval is not None
    world.kube.drop("ResourcePolicy", "dev", "nights")
    world.run(timedelta(minutes=1))
    approve(approval)
    world.run(timedelta(minutes=1))
    assert (ActionRow.objects.get().state, world.replicas(key)) == ("Refused", 2)


def test_a_source_that_fails_in_ever_new_words_is_told_once(make_world: MakeWorld) -> None:
    world = make_world()
    idle_workload(world)
    world.add_policy(make_policy(rule={"idleAfter": "10m"}))
    said = itertools.count()

    def failing(promql: str, *, at: datetime) -> Any:
        raise Unavailable(f"500 from Prometheus, request {next(said)}")

    world.metrics.query = failing  # type: ignore[method-assign]
    world.run(timedelta(minutes=1))
    writes = world.kube.writes
    world.run(timedelta(minutes=5))
    ready = next(
        c for c in world.kube.objects["ResourcePolicy", "dev", "nights"]["status"]["conditions"] if c["type"] == "Ready"
    )
    assert (ready["status"], ready["reason"]) == ("False", "MetricsUnavailable")
    assert "500 from Prometheus" in ready["message"]
    assert world.kube.writes == writes
