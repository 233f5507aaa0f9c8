"""Making an Action's steps true on one cluster, from wherever they stand.

1. Read every object the steps touch; steps that are done are passed over. None left: nothing is written.
2. What the next step requires must hold; the guards are asked; every step that is left is tried as a dry run, so that a
   missing right or a refusing admission stops the action before its first write.
3. Each step: read, pass over if done, require, ask the fence, write under the resourceVersion just read.
4. Read again and hold the objects against what was wanted.

Killed anywhere, a second run does the rest. A stale resourceVersion is read and judged anew a few times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.kernel.actions import Condition, Step, Test, Verb
from apps.kernel.decisions import Operand
from apps.kernel.errors import Conflict, NotFound, PreconditionFailed
from apps.kernel.ports import Kube
from apps.kernel.vocab import ObjectRef

CONFLICTS_BEFORE_RETRY = 5

Object = Mapping[str, Any]


class MovedOn(PreconditionFailed):
    """What a step requires does not hold any more. `operands` are what was found and what was wanted."""

    def __init__(self, message: str, *, operands: Mapping[str, Operand]) -> None:
        super().__init__(message)
        self.operands = dict(operands)


class ObjectGone(MovedOn):
    """The object, or the incarnation of it that was decided about, is not there."""


@dataclass(slots=True)
class Progress:
    """What one run did: `written` and `passed` name steps, `skipped` those that restoring can do without."""

    written: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Stepper:
    """Makes steps true on `kube`. `fence` raises when the claim was lost; it is called before each write.

    `primary` is the action's own object. With `lenient`, a step on another object that is gone or was changed by
    somebody else is left alone: a wake must not stay half-made because an autoscaler has been removed. With
    `lenient_primary`, so is one on the object itself: for taking back a half-made action.
    """

    kube: Kube
    primary: ObjectRef
    fence: Callable[[], None]
    lenient: bool = False
    lenient_primary: bool = False
    _seen: dict[ObjectRef, Object | None] = field(default_factory=dict)

    def run(self, steps: Sequence[Step], *, guard: Callable[[], None]) -> Progress:
        """Make every step true, and verify. MovedOn when the world moved on; any error of the port."""
        progress = Progress()
        pending = [step for step in steps if not is_done(step, self._look(step.target))]
        if pending:
            guard()
            self._rehearse(pending)
        settled = [step for step in steps if self._make(step, progress)]
        self._verify(settled, progress)
        return progress

    def _look(self, ref: ObjectRef) -> Object | None:
        if ref not in self._seen:
            self._seen[ref] = look(self.kube, ref)
        return self._seen[ref]

    def _rehearse(self, pending: Sequence[Step]) -> None:
        """Dry-run what is left. Requirements of later steps cannot hold yet, so only the first one's are looked at."""
        for position, step in enumerate(pending):
            obj = self._look(step.target)
            if self._may_skip(step, obj):
                continue
            _demand_object(step, obj)
            if position == 0:
                _demand(step, obj)
            try:
                _write(self.kube, step, obj, dry_run=True)
            except Conflict as e:
                _refuse_owned(step, e)
                self._seen.pop(step.target, None)  # stale already: the step itself reads anew

    def _make(self, step: Step, progress: Progress) -> bool:
        """Make one step true; False when it was left alone."""
        for _ in range(CONFLICTS_BEFORE_RETRY):
            obj = self._look(step.target)
            if self._may_skip(step, obj):
                progress.skipped.append(step_name(step))
                return False
            if is_done(step, obj):
                progress.passed.append(step_name(step))
                return True
            _demand_object(step, obj)
            _demand(step, obj)
            self.fence()
            try:
                _write(self.kube, step, obj, dry_run=False)
            except Conflict as e:
                _refuse_owned(step, e)
                continue
            finally:
                self._seen.pop(step.target, None)
            progress.written.append(step_name(step))
            return True
        raise Conflict(f"{step.target} changes faster than it can be written")

    def _may_skip(self, step: Step, obj: Object | None) -> bool:
        allowed = self.lenient_primary if step.target == self.primary else self.lenient
        if not allowed or is_done(step, obj):
            return False
        return obj is None or first_unmet(step, obj) is not None

    def _verify(self, steps: Sequence[Step], progress: Progress) -> None:
        self._seen.clear()
        for step in steps:
            obj = self._look(step.target)
            # A server fills in defaults, so an applied spec need not be equal to what was sent.
            held = obj is not None if step.verb is Verb.APPLY else is_done(step, obj)
            if not held:
                progress.unverified.append(step_name(step))


def look(kube: Kube, ref: ObjectRef) -> Object | None:
    try:
        return kube.get(ref)
    except NotFound:
        return None


def is_done(step: Step, obj: Object | None) -> bool:
    """Whether the step's write has been made already. An object that is gone has nothing done to it but its delete."""
    if step.verb is Verb.DELETE:
        return obj is None or "deletionTimestamp" in obj.get("metadata", {})
    return obj is not None and bool(step.done) and all(condition.holds(obj) for condition in step.done)


def first_unmet(step: Step, obj: Object | None) -> Condition | None:
    return next((condition for condition in step.require if not condition.holds(obj)), None)


def step_name(step: Step) -> str:
    return f"{step.verb} {step.target.key}"


def _demand_object(step: Step, obj: Object | None) -> None:
    if obj is None and step.verb is not Verb.APPLY:
        raise ObjectGone(f"{step.target} is not there any more", operands={"object": step.target.key})


def _demand(step: Step, obj: Object | None) -> None:
    """MovedOn, with what was found and what was wanted, unless all that the step requires holds."""
    condition = first_unmet(step, obj)
    if condition is None:
        return
    path = ".".join(condition.path)
    found, wanted = _shown(value_at(obj, condition.path)), _shown(condition.value)
    if condition.test is Test.ABSENT:
        wanted = "none"
    elif condition.test is Test.NOT_EQUAL:
        wanted = f"other than {wanted}"
    raise MovedOn(
        f"the world moved on: {path} of {step.target} is {found}, wanted {wanted}",
        operands={"object": step.target.key, "field": path, "found": found, "wanted": wanted},
    )


def value_at(obj: Object | None, path: Sequence[str]) -> object:
    found: object = obj
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _shown(value: object) -> str:
    return "none" if value is None else str(value)[:200]


def _refuse_owned(step: Step, conflict: Conflict) -> None:
    """An apply sends no resourceVersion: its Conflict is a field that another manager owns, and stays one."""
    if step.verb is Verb.APPLY:
        operands = {
            "object": step.target.key,
            "field": "managedFields",
            "found": conflict.message,
            "wanted": "plimsoll",
        }
        raise MovedOn(conflict.message, operands=operands) from conflict


def _write(kube: Kube, step: Step, obj: Object | None, *, dry_run: bool) -> None:
    version = str(value_at(obj, ("metadata", "resourceVersion")) or "")
    if step.verb is Verb.PATCH:
        kube.patch(step.target, body=step.body, resource_version=version, dry_run=dry_run)
    elif step.verb is Verb.SCALE:
        replicas = step.body["replicas"]
        assert isinstance(replicas, int)  # noqa: S101 - the kernel's actions build it
        kube.scale(step.target, replicas=replicas, resource_version=version, dry_run=dry_run)
    elif step.verb is Verb.APPLY:
        kube.apply(step.body, dry_run=dry_run)
    else:
        kube.delete(step.target, resource_version=version, dry_run=dry_run)
