"""The road end to end: observe, decide, submit, carry out, and what the cluster then looks like."""

from __future__ import annotations

import json
from datetime import timedelta

from apps.ledger.models import ActionRow, DecisionRow
from apps.policies.models import Policy
from apps.sandbox.sim.traffic import Source
from tests.policies.build import make_policy
from tests.policies.conftest import MakeWorld


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
