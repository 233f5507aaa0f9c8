"""carry_out looks again, dry-runs, writes under what it read, verifies, and records; retries what may pass."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from apps.fleet.models import Cluster
from apps.kernel.actions import SLEPT, Apply, Delete, Scale, Sleep, Wake
from apps.kernel.clock import ManualClock
from apps.kernel.errors import Conflict, Forbidden, PreconditionFailed, Retryable, Unavailable
from apps.kernel.vocab import ObjectRef
from apps.ledger import services
from apps.ledger.models import ActionRow, ActionState, DueWork, Record
from apps.ledger.moves import ClaimLost
from tests.ledger import fakes, making
from tests.ledger.fakes import FakeKube

pytestmark = pytest.mark.django_db


def outcome(row: ActionRow) -> tuple[str, str]:
    row.refresh_from_db()
    return row.state, (row.outcome or {}).get("reason", {}).get("code", "")


def asleep(kube: FakeKube) -> bool:
    obj = kube.find(making.ref())
    return obj["spec"]["replicas"] == 0 and SLEPT in obj["metadata"]["annotations"]


def test_a_sleep_marks_first_then_scales_and_is_on_record(kube: FakeKube, cluster: Cluster) -> None:
    row = making.put_to_sleep(kube, cluster)
    assert outcome(row) == (ActionState.DONE, "Done")
    assert kube.writes == ["patch Deployment", "scale Deployment"]
    assert kube.dry_runs == ["patch Deployment", "scale Deployment"]
    mark = json.loads(kube.find(making.ref())["metadata"]["annotations"][SLEPT])
    assert mark["replicas"] == 3
    events = [(r.kind, r.body.get("event")) for r in Record.objects.filter(request_id="req-1").order_by("seq")]
    assert events == [("Decision", None), ("Action", "Proposed"), ("Action", "Started"), ("Outcome", "Done")]
    assert row.outcome["undo"]["kind"] == "Wake"
    assert row.decision.state == "Done"
    assert not DueWork.objects.exists()


def test_doing_it_twice_is_doing_it_once(kube: FakeKube, cluster: Cluster) -> None:
    row = making.put_to_sleep(kube, cluster)
    again = services.carry_out(action_id=row.pk, epoch=row.epoch + 1)
    assert again.state == ActionState.DONE
    assert len(kube.writes) == 2


def test_a_wake_restores_replicas_and_removes_the_mark(kube: FakeKube, cluster: Cluster) -> None:
    wake = making.wake_of(making.put_to_sleep(kube, cluster))
    row = making.propose(wake, cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.DONE, "Done")
    obj = kube.find(making.ref())
    assert obj["spec"]["replicas"] == 3
    assert obj["metadata"]["annotations"] == {}


def test_keda_is_paused_and_put_back_exactly(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())
    kube.put(making.scaled_object(paused="2"))
    sleep = making.sleep(scaled_object="web-so", paused_replicas="2")
    making.propose(sleep, cluster=cluster)
    making.carry_out_all()
    scaled = making.ref("web-so", kind="ScaledObject")
    assert kube.find(scaled)["metadata"]["annotations"] == {"autoscaling.keda.sh/paused-replicas": "0"}
    making.propose(sleep.inverse(), cluster=cluster)
    making.carry_out_all()
    assert kube.find(scaled)["metadata"]["annotations"] == {"autoscaling.keda.sh/paused-replicas": "2"}


def test_a_wake_finishes_although_its_scaled_object_is_gone(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())
    kube.put(making.scaled_object())
    sleep = making.sleep(scaled_object="web-so")
    making.propose(sleep, cluster=cluster)
    making.carry_out_all()
    kube.delete(making.ref("web-so", kind="ScaledObject"))
    row = making.propose(sleep.inverse(), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.DONE, "Done")
    assert row.outcome["skipped"] == ["patch ScaledObject/shop/web-so"]
    assert kube.find(making.ref())["spec"]["replicas"] == 3


def test_the_world_having_moved_on_refuses_and_writes_nothing(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment(replicas=5))
    row = making.propose(making.sleep(replicas=3), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.REFUSED, "WorldMovedOn")
    want = {"object": "Deployment/shop/web", "field": "spec.replicas", "found": "5", "wanted": "3"}
    assert row.outcome["reason"]["operands"] == want
    assert kube.writes == kube.dry_runs == []


def test_another_incarnation_of_the_object_is_left_alone(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())
    target = ObjectRef("dev", "apps", "Deployment", "shop", "web", uid="an-older-one")
    row = making.propose(making.sleep(target), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.REFUSED, "ObjectGone")
    assert kube.writes == []


def test_a_dry_run_that_is_refused_stops_before_the_first_write(
    kube: FakeKube, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube.put(making.deployment())

    def forbidden(*args: Any, **kwargs: Any) -> Any:
        raise Forbidden("may not update deployments/scale")

    monkeypatch.setattr(kube, "scale", forbidden)
    row = making.propose(making.sleep(), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.FAILED, "RefusedByCluster")
    assert "deployments/scale" in row.outcome["reason"]["operands"]["error"]
    assert kube.writes == []


def test_a_half_made_sleep_is_taken_back(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())

    def somebody_scales(label: str) -> None:
        if label == "after patch Deployment":
            kube.killer = lambda label: None
            kube.edit(making.ref(), lambda obj: obj["spec"].update(replicas=7))

    kube.killer = somebody_scales
    row = making.propose(making.sleep(), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.REFUSED, "WorldMovedOn")
    obj = kube.find(making.ref())
    assert obj["spec"]["replicas"] == 7
    assert obj["metadata"]["annotations"] == {}


def test_taking_back_leaves_what_somebody_else_paused(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())
    kube.put(making.scaled_object())
    scaled = making.ref("web-so", kind="ScaledObject")

    def somebody_pauses(label: str) -> None:
        if label == "after patch Deployment":
            kube.killer = lambda label: None
            key = "autoscaling.keda.sh/paused-replicas"
            kube.edit(scaled, lambda obj: obj["metadata"]["annotations"].update({key: "4"}))

    kube.killer = somebody_pauses
    row = making.propose(making.sleep(scaled_object="web-so"), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.REFUSED, "WorldMovedOn")
    assert kube.find(scaled)["metadata"]["annotations"] == {"autoscaling.keda.sh/paused-replicas": "4"}
    assert kube.find(making.ref())["metadata"]["annotations"] == {}
    assert kube.find(making.ref())["spec"]["replicas"] == 3


def test_a_stale_version_is_read_again_and_written(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())
    touches = iter(range(2))

    def somebody_labels(ref: ObjectRef) -> None:
        kube.on_read = lambda ref: None

    def before_write(label: str) -> None:
        if label == "before patch Deployment" and next(touches, None) is not None:
            kube.edit(making.ref(), lambda obj: obj["metadata"].update(labels={"touched": "yes"}))
            raise Conflict("the object has been modified")

    kube.on_read, kube.killer = somebody_labels, before_write
    row = making.propose(making.sleep(), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.DONE, "Done")
    assert kube.writes == ["patch Deployment", "scale Deployment"]


def test_what_may_pass_is_tried_again_with_back_off(kube: FakeKube, cluster: Cluster, clock: ManualClock) -> None:
    kube.put(making.deployment())
    kube.failures = [Unavailable("503"), Unavailable("503", retry_after_seconds=30)]
    row = making.propose(making.sleep(), cluster=cluster)
    assert making.carry_out_all() == 1
    assert outcome(row) == (ActionState.DUE, "WaitsForRetry")
    assert making.carry_out_all() == 0, "not before the back-off is over"
    clock.advance(timedelta(seconds=3))
    assert making.carry_out_all() == 1
    work = DueWork.objects.get()
    assert (work.attempts, work.at) == (2, clock.now() + timedelta(seconds=30))
    clock.advance(timedelta(seconds=31))
    making.carry_out_all()
    assert outcome(row) == (ActionState.DONE, "Done")
    assert row.attempts == 3
    assert Record.objects.filter(kind="Action").count() == 2, "the intention is recorded once"


def test_an_action_that_waited_too_long_does_not_start(kube: FakeKube, cluster: Cluster, clock: ManualClock) -> None:
    kube.put(making.deployment())
    kube.failures = [Unavailable("503")]
    row = making.propose(making.sleep(), cluster=cluster)
    making.carry_out_all()
    clock.advance(timedelta(hours=2))
    making.carry_out_all()
    assert outcome(row) == (ActionState.EXPIRED, "StartExpired")
    assert kube.writes == []


def test_a_wake_never_expires(kube: FakeKube, cluster: Cluster, clock: ManualClock) -> None:
    wake = making.wake_of(making.put_to_sleep(kube, cluster))
    row = making.propose(wake, cluster=cluster)
    clock.advance(timedelta(days=3))
    making.carry_out_all()
    assert outcome(row) == (ActionState.DONE, "Done")


def test_the_intention_is_committed_before_the_cluster_is_touched(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())
    seen: list[tuple[str, bool]] = []

    def look(label: str) -> None:
        started = any(r.body["event"] == "Started" for r in Record.objects.filter(kind="Action"))
        seen.append((ActionRow.objects.get().state, started))

    kube.killer = look
    making.propose(making.sleep(), cluster=cluster)
    making.carry_out_all()
    assert set(seen) == {("Running", True)}


def test_a_worker_whose_claim_was_lost_writes_nothing(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())
    row = making.propose(making.sleep(), cluster=cluster)

    def another_worker_claims(ref: ObjectRef) -> None:
        ActionRow.objects.update(epoch=99)

    kube.on_read = another_worker_claims
    with pytest.raises(ClaimLost):
        services.carry_out(action_id=row.pk, epoch=1)
    assert kube.writes == []
    with pytest.raises(ClaimLost):
        services.carry_out(action_id=row.pk, epoch=2)


def test_two_actions_on_one_object_wait_for_each_other(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())
    row = making.propose(making.sleep(), cluster=cluster)
    ActionRow.objects.filter(pk=row.pk).update(state=ActionState.RUNNING)
    other = making.propose(Scale(making.ref(), replicas=4, was=3), cluster=cluster)
    with pytest.raises(Retryable, match="another action is at work"):
        services.carry_out(action_id=other.pk, epoch=1)


def test_a_read_only_cluster_is_not_written_to(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())
    Cluster.objects.update(read_only=True)
    row = making.propose(making.sleep(), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.REFUSED, "ClusterReadOnly")


def test_a_removed_cluster_ends_the_action(kube: FakeKube, cluster: Cluster) -> None:
    row = making.propose(making.sleep(), cluster=cluster)
    Cluster.objects.all().delete()
    making.carry_out_all()
    assert outcome(row) == (ActionState.FAILED, "ClusterGone")


GUARDED: list[tuple[object, object]] = []


def guard(action: object, policy: object) -> None:
    GUARDED.append((action, policy))
    raise PreconditionFailed("keepAwakeUntil has been set since")


def test_a_guard_that_refuses_stops_the_first_write(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())
    plain = making.sleep()
    guarded = Sleep(plain.target, plain.mark, guards=(f"{__name__}.guard",))
    row = making.propose(guarded, cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.REFUSED, "GuardRefused")
    assert kube.writes == []
    assert GUARDED[-1] == (guarded, None)


def test_what_is_so_already_is_done_without_a_write(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment(replicas=4))
    row = making.propose(Scale(making.ref(), replicas=4, was=3), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.DONE, "AlreadySo")
    assert kube.writes == []


def test_a_change_right_after_the_write_is_reported(kube: FakeKube, cluster: Cluster) -> None:
    kube.put(making.deployment())

    def somebody_scales(label: str) -> None:
        if label == "after scale Deployment":
            kube.edit(making.ref(), lambda obj: obj["spec"].update(replicas=2))

    kube.killer = somebody_scales
    row = making.propose(making.sleep(), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.FAILED, "NotAsWritten")
    assert kube.writes == ["patch Deployment", "scale Deployment"], "it is not fought over"


def test_apply_and_delete_are_each_others_inverse(kube: FakeKube, cluster: Cluster) -> None:
    manifest = making.deployment("new")
    target = making.ref("new")
    row = making.propose(Apply(target, manifest), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.DONE, "Done")
    assert row.outcome["undo"]["kind"] == "Delete"
    row = making.propose(Delete(target, manifest), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.DONE, "Done")
    assert kube.objects == {}


def test_a_field_of_another_manager_is_not_forced(
    kube: FakeKube, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def owned(*args: Any, **kwargs: Any) -> Any:
        raise Conflict('Apply failed with 1 conflict: conflict with "argocd-controller": .spec.replicas')

    monkeypatch.setattr(kube, "apply", owned)
    row = making.propose(Apply(making.ref("new"), making.deployment("new")), cluster=cluster)
    making.carry_out_all()
    assert outcome(row) == (ActionState.REFUSED, "WorldMovedOn")


def test_a_bad_row_never_stops_the_worker(kube: FakeKube, cluster: Cluster, clock: ManualClock) -> None:
    kube.put(making.deployment())
    kube.put(making.deployment("api"))
    bad = making.propose(making.sleep(making.ref("api")), cluster=cluster)
    ActionRow.objects.filter(pk=bad.pk).update(action={"kind": "Sleep", "target": 7})
    good = making.propose(making.sleep(), cluster=cluster)
    making.carry_out_all()
    assert outcome(bad) == (ActionState.FAILED, "ActionUnreadable")
    assert outcome(good) == (ActionState.DONE, "Done")


def test_a_bug_puts_the_row_an_hour_ahead_and_ends_it_after_five_tries(
    kube: FakeKube, cluster: Cluster, clock: ManualClock
) -> None:
    kube.put(making.deployment())
    wake = Wake(making.ref(), making.sleep().mark)
    row = making.propose(wake, cluster=cluster)

    def bug(ref: ObjectRef) -> None:
        raise ZeroDivisionError("a bug")

    kube.on_read = bug
    making.carry_out_all()
    assert DueWork.objects.get().at == fakes.START + timedelta(hours=1)
    for _ in range(4):
        clock.advance(timedelta(hours=1, seconds=1))
        making.carry_out_all()
    assert outcome(row) == (ActionState.FAILED, "FailedTooOften")
    assert not DueWork.objects.exists()
