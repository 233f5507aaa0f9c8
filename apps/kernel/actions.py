"""What Plimsoll does to the world, as data.

An Action names its target and knows its steps and its inverse. A Step is one idempotent write: `done` tells that it
has been made already (then it is passed over), `require` tells what must still hold for it to be made. So carry_out
can be killed between any two instructions and started again: it reads the object, passes over what is done, refuses
what no longer holds, and writes the rest under the resourceVersion it has just read.

    Sleep     annotation first, then the autoscaler's pause, then replicas 0 (or a CronJob's suspend)
    Wake      the reverse, annotation last
    Forget    removes the marks of an object that somebody else woke
    Scale     another number of replicas, with no mark
    Apply     server-side apply of an object that Plimsoll owns
    Delete    removes one object
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar, Protocol, runtime_checkable

from apps.kernel.marks import SLEPT as SLEPT
from apps.kernel.marks import WAKE as WAKE
from apps.kernel.marks import mark_text as mark_text
from apps.kernel.vocab import Json, ObjectRef, SleptMark

KEDA_PAUSED = "autoscaling.keda.sh/paused-replicas"
FIELD_MANAGER = "plimsoll"


class Verb(StrEnum):
    PATCH = "patch"
    SCALE = "scale"
    APPLY = "apply"
    DELETE = "delete"


class Test(StrEnum):
    EQUAL = "Equal"
    NOT_EQUAL = "NotEqual"
    ABSENT = "Absent"


@dataclass(frozen=True, slots=True)
class Condition:
    """A claim about one field of an object. `path` is a tuple of keys, since annotation keys contain dots."""

    path: tuple[str, ...]
    test: Test
    value: Json = None

    def holds(self, obj: Mapping[str, Json] | None) -> bool:
        """Whether the claim is true of `obj`; None stands for an object that does not exist."""
        found: Json = obj
        for key in self.path:
            found = found.get(key) if isinstance(found, Mapping) else None
        if self.test is Test.ABSENT:
            return found is None
        return (found == self.value) is (self.test is Test.EQUAL)


@dataclass(frozen=True, slots=True)
class Step:
    """One write. `body`: a JSON merge patch (PATCH), `{"replicas": n}` (SCALE), the object (APPLY), empty (DELETE)."""

    verb: Verb
    target: ObjectRef
    body: Mapping[str, Json] = field(default_factory=dict)
    require: tuple[Condition, ...] = ()
    done: tuple[Condition, ...] = ()


@runtime_checkable
class Action(Protocol):
    """`guards` are dotted paths of functions that carry_out calls before the first write, each with the action and
    its Decision's policy; one that raises PreconditionFailed stops it."""

    kind: ClassVar[str]

    @property
    def target(self) -> ObjectRef: ...

    @property
    def guards(self) -> tuple[str, ...]: ...

    def steps(self) -> tuple[Step, ...]: ...

    def inverse(self) -> Action | None:
        """What undoes it, or None when nothing can."""


REPLICAS = ("spec", "replicas")
SUSPEND = ("spec", "suspend")


def annotation(key: str) -> tuple[str, ...]:
    return ("metadata", "annotations", key)


def _annotate(target: ObjectRef, values: Mapping[str, str | None], require: tuple[Condition, ...] = ()) -> Step:
    """A step that sets (or, with None, removes) annotations."""
    done = tuple(
        Condition(annotation(key), Test.ABSENT if value is None else Test.EQUAL, value) for key, value in values.items()
    )
    return Step(Verb.PATCH, target, {"metadata": {"annotations": dict(values)}}, require, done)


def _scaled_object(target: ObjectRef, name: str) -> ObjectRef:
    return ObjectRef(target.cluster, "keda.sh", "ScaledObject", target.namespace, name)


def _power(target: ObjectRef, *, on: bool, mark: SleptMark, require: tuple[Condition, ...]) -> Step:
    """The step that stops or starts what runs: `spec.suspend` of a CronJob, else the scale subresource."""
    if target.kind == "CronJob":
        suspend = bool(mark.suspended) if on else True
        return Step(
            Verb.PATCH, target, {"spec": {"suspend": suspend}}, require, (Condition(SUSPEND, Test.EQUAL, suspend),)
        )
    if on and mark.replicas:
        done = Condition(REPLICAS, Test.NOT_EQUAL, 0)
    else:
        done = Condition(REPLICAS, Test.EQUAL, 0)
    return Step(Verb.SCALE, target, {"replicas": mark.replicas if on else 0}, require, (done,))


@dataclass(frozen=True, slots=True)
class Sleep:
    """Puts one workload to sleep. `mark` is written to it first, so that any later moment can be undone from it."""

    kind: ClassVar[str] = "Sleep"

    target: ObjectRef
    mark: SleptMark
    guards: tuple[str, ...] = ()

    def steps(self) -> tuple[Step, ...]:
        text = mark_text(self.mark)
        if self.target.kind == "CronJob":
            awake = Condition(SUSPEND, Test.NOT_EQUAL, True)
        else:
            awake = Condition(REPLICAS, Test.EQUAL, self.mark.replicas)
        steps = [_annotate(self.target, {SLEPT: text}, (awake, Condition(annotation(SLEPT), Test.ABSENT)))]
        if self.mark.scaled_object is not None:
            was = self.mark.paused_replicas
            unpaused = Condition(annotation(KEDA_PAUSED), Test.ABSENT if was is None else Test.EQUAL, was)
            steps.append(
                _annotate(_scaled_object(self.target, self.mark.scaled_object), {KEDA_PAUSED: "0"}, (unpaused,))
            )
        marked = Condition(annotation(SLEPT), Test.EQUAL, text)
        steps.append(_power(self.target, on=False, mark=self.mark, require=(marked, awake)))
        return tuple(steps)

    def inverse(self) -> Wake:
        return Wake(self.target, self.mark)


@dataclass(frozen=True, slots=True)
class Wake:
    """Wakes one workload from its mark: replicas, then the autoscaler, then the marks are taken away."""

    kind: ClassVar[str] = "Wake"

    target: ObjectRef
    mark: SleptMark
    guards: tuple[str, ...] = ()

    def steps(self) -> tuple[Step, ...]:
        marked = Condition(annotation(SLEPT), Test.NOT_EQUAL, None)
        steps = [_power(self.target, on=True, mark=self.mark, require=(marked,))]
        if self.mark.scaled_object is not None:
            scaled_object = _scaled_object(self.target, self.mark.scaled_object)
            paused = Condition(annotation(KEDA_PAUSED), Test.EQUAL, "0")
            steps.append(_annotate(scaled_object, {KEDA_PAUSED: self.mark.paused_replicas}, (paused,)))
        steps.append(_annotate(self.target, {SLEPT: None, WAKE: None}))
        return tuple(steps)

    def inverse(self) -> Sleep:
        return Sleep(self.target, replace(self.mark, slept_at=None))


@dataclass(frozen=True, slots=True)
class Forget:
    """Takes the marks off an object that runs although they say it sleeps: somebody else woke it."""

    kind: ClassVar[str] = "Forget"

    target: ObjectRef
    mark: SleptMark
    guards: tuple[str, ...] = ()

    def steps(self) -> tuple[Step, ...]:
        steps = []
        if self.mark.scaled_object is not None:
            scaled_object = _scaled_object(self.target, self.mark.scaled_object)
            steps.append(_annotate(scaled_object, {KEDA_PAUSED: self.mark.paused_replicas}))
        # An object that does sleep after all must keep its mark, or nobody could wake it.
        power = (SUSPEND, True) if self.target.kind == "CronJob" else (REPLICAS, 0)
        runs = Condition(power[0], Test.NOT_EQUAL, power[1])
        steps.append(_annotate(self.target, {SLEPT: None, WAKE: None}, (runs,)))
        return tuple(steps)

    def inverse(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Scale:
    """Sets replicas through the scale subresource; `was` is the number it had when that was decided."""

    kind: ClassVar[str] = "Scale"

    target: ObjectRef
    replicas: int
    was: int
    guards: tuple[str, ...] = ()

    def steps(self) -> tuple[Step, ...]:
        unchanged = Condition(REPLICAS, Test.EQUAL, self.was)
        done = Condition(REPLICAS, Test.EQUAL, self.replicas)
        return (Step(Verb.SCALE, self.target, {"replicas": self.replicas}, (unchanged,), (done,)),)

    def inverse(self) -> Scale:
        return replace(self, replicas=self.was, was=self.replicas)


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side applies `manifest` as field manager `plimsoll`; `was` is the object before, None when it is new."""

    kind: ClassVar[str] = "Apply"

    target: ObjectRef
    manifest: Mapping[str, Json]
    was: Mapping[str, Json] | None = None
    guards: tuple[str, ...] = ()

    def steps(self) -> tuple[Step, ...]:
        return (Step(Verb.APPLY, self.target, self.manifest, (), _spec_is(self.manifest)),)

    def inverse(self) -> Apply | Delete:
        if self.was is None:
            return Delete(self.target, self.manifest)
        return Apply(self.target, self.was, self.manifest)


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletes one object. `was` is what it held, from which it can be made again; None: it cannot."""

    kind: ClassVar[str] = "Delete"

    target: ObjectRef
    was: Mapping[str, Json] | None = None
    guards: tuple[str, ...] = ()

    def steps(self) -> tuple[Step, ...]:
        gone = Condition(("metadata", "name"), Test.ABSENT)
        return (Step(Verb.DELETE, self.target, {}, (), (gone,)),)

    def inverse(self) -> Apply | None:
        return None if self.was is None else Apply(self.target, self.was)


def _spec_is(manifest: Mapping[str, Json]) -> tuple[Condition, ...]:
    """Done when the spec is the manifest's; a defaulted field makes it run once more, which changes nothing."""
    return (Condition(("spec",), Test.EQUAL, manifest.get("spec")),)


ACTIONS: dict[str, type] = {cls.kind: cls for cls in (Sleep, Wake, Forget, Scale, Apply, Delete)}
