"""Sleep and Wake, killed after any number of writes and started again, end as if they had run once.

The world here is a dict of objects; a run makes every step that is not done and whose requirements hold.
"""

from itertools import product

import pytest

from apps.kernel.actions import KEDA_PAUSED, SLEPT, Action, Sleep, Verb, Wake
from apps.kernel.errors import PreconditionFailed
from apps.kernel.serialise import decode, encode
from apps.kernel.vocab import ObjectRef, SleptMark


def make_world(*, kind="Deployment", replicas=3, suspend=False, keda=False, paused=None):
    spec = {"suspend": suspend} if kind == "CronJob" else {"replicas": replicas}
    world = {f"{kind}/shop/web": {"metadata": {"name": "web", "annotations": {"team": "a"}}, "spec": spec}}
    if keda:
        annotations = {} if paused is None else {KEDA_PAUSED: paused}
        world["ScaledObject/shop/web"] = {"metadata": {"name": "web", "annotations": annotations}, "spec": {}}
    return world


def merge(into, patch):
    for key, value in patch.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


def run(action, world, *, writes=99):
    """Makes at most `writes` writes, then stops as a killed process would; returns how many it made."""
    made = 0
    for step in action.steps():
        obj = world[step.target.key]
        if all(condition.holds(obj) for condition in step.done):
            continue
        if not all(condition.holds(obj) for condition in step.require):
            raise PreconditionFailed(step.target.key)
        if made == writes:
            return made
        merge(obj, {"spec": step.body} if step.verb is Verb.SCALE else step.body)
        made += 1
    return made


def make_sleep(*, kind="Deployment", replicas=3, keda=False, paused=None, suspend=False):
    ref = ObjectRef("c", "batch" if kind == "CronJob" else "apps", kind, "shop", "web")
    mark = SleptMark(
        replicas,
        "ResourcePolicy/shop/dev",
        "a1",
        scaled_object="web" if keda else None,
        paused_replicas=paused,
        suspended=suspend if kind == "CronJob" else None,
    )
    return Sleep(ref, mark)


CASES = [
    {"kind": kind, "keda": keda, "paused": paused}
    for kind, keda, paused in product(("Deployment", "StatefulSet", "CronJob"), (False, True), (None, "2"))
    if not (kind == "CronJob" and keda) and not (paused and not keda)
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_killed_sleep_or_wake_converges_and_restores_exactly(case):
    sleep = make_sleep(**case)
    before = make_world(**case)
    for killed_sleeping, killed_waking in product(range(4), range(4)):
        world = make_world(**case)
        run(sleep, world, writes=killed_sleeping)
        run(sleep, world)
        assert run(sleep, world) == 0, "nothing is applied twice"
        assert SLEPT in world[sleep.target.key]["metadata"]["annotations"]
        wake = sleep.inverse()
        run(wake, world, writes=killed_waking)
        run(wake, world)
        assert world == before


def test_an_object_that_was_scaled_since_is_not_slept():
    world = make_world(replicas=5)
    with pytest.raises(PreconditionFailed):
        run(make_sleep(replicas=3), world)
    assert world == make_world(replicas=5)


def test_waking_keeps_the_replicas_that_somebody_set_meanwhile():
    world = make_world()
    sleep = make_sleep()
    run(sleep, world)
    world["Deployment/shop/web"]["spec"]["replicas"] = 7
    run(sleep.inverse(), world)
    assert world == make_world(replicas=7)


def test_an_action_survives_being_stored():
    for action in (make_sleep(keda=True, paused="2"), Wake(make_sleep().target, make_sleep().mark)):
        assert decode(Action, encode(action)) == action
