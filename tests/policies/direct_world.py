"""A World in which what is decided is carried out at once: no ledger, no database on the way."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from apps.fleet.services import observe
from apps.kernel.actions import Action, Verb
from apps.kernel.decisions import Verdict
from apps.policies.domain.decide import PolicyReader, decide, queries
from apps.policies.domain.memory import Memory
from apps.policies.domain.spec import Mode
from apps.policies.domain.tick import Context
from apps.policies.services import EvaluateResult
from apps.policies.submitting import named
from tests.policies.world import World


class DirectWorld(World):
    """Memories are kept here, as the database would keep them over a restart."""

    def __init__(self, name: str, *, start: datetime, seed: int = 1, tick: timedelta = timedelta(seconds=30)) -> None:
        super().__init__(name, start=start, seed=seed, tick=tick)
        self.reader = PolicyReader()
        self.memories: dict[str, Memory] = {}
        self.woken: set[str] = set()

    def evaluate(self) -> EvaluateResult:
        now = self.clock.now()
        for source in self.cache.sources:
            self.cache.alive(source.kind, now=now)
        read = self.reader.read(self.cache.snapshot(readings={}, now=now).policies)
        snapshot = observe(cache=self.cache, metrics=self.metrics, queries=queries(read), now=now)
        context = Context(
            memories=self.memories,
            woken_by_us=frozenset(self.woken),
            max_sleeps=settings.PLIMSOLL_MAX_SLEEPS_PER_PASS,
        )
        decided = decide(snapshot, read, now, context)
        self.memories.update(decided.memories)
        self.woken.clear()
        acted = 0
        for ruling in decided.rulings:
            action = ruling.decision.action
            if ruling.decision.verdict is Verdict.ACT and action is not None and ruling.mode in (None, Mode.ENFORCE):
                self._carry_out(named(action, ruling.decision.id))
                acted += 1
        return EvaluateResult(snapshot.id, len(decided.rulings), acted)

    def work(self) -> None:
        """Everything is done already."""

    def restart_plimsoll(self) -> None:
        self.reader = PolicyReader()

    def _carry_out(self, action: Action) -> None:
        for step in action.steps():
            obj = self.kube.get(step.target)
            if step.done and all(condition.holds(obj) for condition in step.done):
                continue
            if not all(condition.holds(obj) for condition in step.require):
                return
            version = obj["metadata"]["resourceVersion"]
            if step.verb is Verb.SCALE:
                replicas = step.body["replicas"]
                assert isinstance(replicas, int)
                self.kube.scale(step.target, replicas=replicas, resource_version=version)
            else:
                self.kube.patch(step.target, body=step.body, resource_version=version)
        if action.kind == "Wake":
            self.woken.add(action.target.key)
