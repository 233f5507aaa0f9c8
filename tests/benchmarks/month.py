"""The simulated month of idle_month: its fleet, its levers, and its judge."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from apps.kernel.actions import SLEPT, WAKE
from apps.kernel.kinds import Kind
from apps.kernel.ports import WatchEvent
from apps.policies.domain.parse import parse
from apps.sandbox.sim.clock import to_ms
from apps.sandbox.sim.traffic import Source
from tests.policies.build import make_policy
from tests.policies.world import World

START = datetime(2026, 3, 15, 0, 0, tzinfo=UTC)  # summer time begins in Europe on the 29th
BERLIN = ZoneInfo("Europe/Berlin")
HOLIDAY = date(2026, 4, 3)
LAG = timedelta(seconds=75)
PROBES = "/healthz"
GOAL_SHARE = 0.9
VISITORS = ("office", "consumer", "nightly", "flat", "idle", "office")


@dataclass(slots=True)
class Life:
    """One workload: what rules it, and every change of its replicas."""

    key: str
    rule: str  # traffic, hours (traffic and schedule), or clock (schedule alone)
    replicas: int
    changes: list[tuple[datetime, int]] = field(default_factory=list)
    wishes: list[datetime] = field(default_factory=list)
    left_alone: bool = False

    @property
    def idle_after(self) -> timedelta:
        return {"traffic": timedelta(hours=2), "hours": timedelta(minutes=30)}.get(self.rule, timedelta(0))

    def sleeps(self, end: datetime) -> Iterator[tuple[datetime, datetime, int]]:
        """(from, until, replicas after) of each sleep; one that lasts ends at `end` with 0."""
        since: datetime | None = None
        for at, replicas in self.changes:
            if replicas == 0:
                since = at
            elif since is not None:
                yield since, at, replicas
                since = None
        if since is not None:
            yield since, end, 0


@dataclass(slots=True)
class Report:
    """What a run came to. `hours` counts sleeping hours among `eligible` ones."""

    sleeps: int = 0
    wakes: int = 0
    wrongful: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    inexact: list[str] = field(default_factory=list)
    lost_by_restarts: int = 0
    unseen_before_sleep: int = 0
    asleep_hours: float = 0.0
    eligible_hours: float = 0.0
    most_sleeps_of_one: int = 0

    @property
    def share(self) -> float:
        return self.asleep_hours / self.eligible_hours if self.eligible_hours else 0.0

    @property
    def good(self) -> bool:
        """Whether every goal of F2 is met."""
        return not (self.wrongful or self.missed or self.inexact) and self.share >= GOAL_SHARE

    def text(self) -> str:
        lines = [
            f"sleeps {self.sleeps}, wakes {self.wakes}",
            f"wrongful sleeps {len(self.wrongful)}; missed wakes {len(self.missed)}; inexact {len(self.inexact)}",
            f"idle and eligible hours asleep {self.asleep_hours:.0f} of {self.eligible_hours:.0f} = {self.share:.1%}",
            f"requests in the last {LAG.seconds} s before a sleep, shown by no scrape yet: {self.unseen_before_sleep}",
            f"requests that an exporter lost by restarting: {self.lost_by_restarts}",
        ]
        return "\n".join([*lines, *self.wrongful[:5], *self.missed[:5], *self.inexact[:5]])


class Month:
    """Builds the fleet, pulls the levers, and judges."""

    def __init__(
        self,
        *,
        days: int,
        workloads: int,
        tick: timedelta,
        seed: int = 1,
        start: datetime = START,
        world: type[World] = World,
    ) -> None:
        self.days, self.tick, self.start = days, tick, start
        self.end = start + timedelta(days=days)
        self.random = random.Random(seed)  # noqa: S311  a simulation
        self.world = world("month", start=start, seed=seed, tick=tick)
        self.lives: dict[str, Life] = {}
        self.blind: list[tuple[datetime, datetime]] = []  # the metrics could not show what happened in between
        self.down: list[tuple[datetime, datetime]] = []  # Plimsoll did not run
        self.restarts: list[tuple[int, datetime]] = []  # (lane, moment): what it counted since its last scrape is lost
        self.suspended: tuple[datetime, datetime] | None = None
        self._namespaces()
        for number in range(workloads):
            self._add(number)
        self.world.kube.listeners.append(self._note)
        self._levers()

    # The fleet.

    def _namespaces(self) -> None:
        for number in range(10):
            self.world.add_namespace(f"dev-{number}", rule="traffic")
            self.world.add_namespace(f"office-{number}", rule="hours")
        self.world.add_namespace("batch", rule="clock")
        ignore = {"traffic": {"source": "IngressNginx", "ignorePaths": [PROBES]}}
        target = {"kinds": ["Deployment", "CronJob"]}
        hours = {"timeZone": "Europe/Berlin", "holidays": [HOLIDAY.isoformat()]}
        hours |= {"keepAwake": [{"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "from": "08:00", "to": "18:00"}]}

        def of(rule: str) -> list[dict[str, object]]:
            return [{**target, "namespaceSelector": {"matchLabels": {"rule": rule}}}]

        self.policies = [
            make_policy("traffic", namespace="", targets=of("traffic"), rule={"idleAfter": "2h", **ignore}),
            make_policy(
                "hours",
                namespace="",
                targets=of("hours"),
                priority=200,
                rule={"idleAfter": "30m", "schedule": hours, "gracePeriod": "10m", "minAwake": "20m", **ignore},
            ),
            make_policy("clock", namespace="", targets=of("clock"), rule={"idleAfter": None, "schedule": hours}),
        ]
        for policy in self.policies:
            parse(policy)
            self.world.add_policy(policy)

    def _add(self, number: int) -> None:
        rule = "clock" if number % 10 == 9 else "hours" if number % 10 in (6, 7) else "traffic"
        namespace = {"clock": "batch", "hours": f"office-{number % 7}", "traffic": f"dev-{number % 9}"}[rule]
        replicas = 1 + number % 5
        key = self.world.add_workload(f"w{number}", namespace=namespace, replicas=replicas, routed=rule != "clock")
        self.lives[key] = Life(key, rule, replicas, [(self.start, replicas)])
        if rule == "clock":
            return
        shape = VISITORS[number % len(VISITORS)]
        rate = {"flat": 0.15, "consumer": 1.0, "nightly": 4.0, "idle": 0.0}.get(shape, 6.0)
        zone = ("Europe/Berlin", "America/New_York", "Asia/Shanghai")[number % 3]
        self.world.add_traffic(Source(key, per_hour=rate, shape=shape, zone=zone, active_day_chance=0.8))
        self.world.add_traffic(Source(key, path=PROBES, agent="kube-probe/1.36", per_hour=360.0, probe=True))

    def _note(self, kind: Kind, event: WatchEvent) -> None:
        meta = event.object["metadata"]
        life = self.lives.get(f"{kind.kind}/{meta.get('namespace', '')}/{meta['name']}")
        if life is not None and life.changes[-1][1] != event.object["spec"]["replicas"]:
            life.changes.append((self.world.clock.now(), event.object["spec"]["replicas"]))

    # The levers.

    def _moment(self) -> datetime:
        return self.start + timedelta(seconds=self.random.uniform(7200, self.days * 86400 - 14400))

    def _levers(self) -> None:
        targets = self.world.targets
        for length in (7, 20, 45, 200, 90) * max(1, self.days // 6):
            at = self._moment()
            until = at + timedelta(minutes=length)
            targets.prometheus_gap(start_ms=to_ms(at), end_ms=to_ms(until))
            self.blind.append((at, until))
        for length in (1, 5, 30, 150) * max(1, self.days // 6):
            lane, at = self.random.randrange(2), self._moment()
            until = at + timedelta(minutes=length)
            targets.outage(self.world.controllers[lane], start_ms=to_ms(at), end_ms=to_ms(until))
            self.blind.append((at, until))
        for number in range(max(2, self.days // 3)):
            lane, at = self.random.randrange(2), self._moment()
            targets.restart(self.world.controllers[lane], at_ms=to_ms(at), explained=number % 2 == 0)
            self.restarts.append((lane, at))
        for hours in (1, 3) * max(1, self.days // 10):
            at = self._moment()
            self.down.append((at, at + timedelta(hours=hours)))
        middle = self.start + timedelta(days=self.days / 2)
        self.suspended = (middle, middle + timedelta(hours=1))

    def _pull(self, number: int) -> None:
        """What people and operators do at this tick."""
        now, world = self.world.clock.now(), self.world
        world.plimsoll_up = not any(a <= now < b for a, b in self.down)
        if number % int(timedelta(hours=12) / self.tick) == 0:
            world.restart_plimsoll()
        if self.suspended is not None:
            spec = world.kube.objects["ClusterResourcePolicy", "", "traffic"]["spec"]
            inside = self.suspended[0] <= now < self.suspended[1]
            if bool(spec.get("suspend", False)) is not inside:
                world.kube.edit("ClusterResourcePolicy", "", "traffic", {"spec": {"suspend": inside}})
        if number % int(timedelta(hours=6) / self.tick) == 0:
            self._wish()
        if number % int(timedelta(hours=18) / self.tick) == 1:
            self._restore()

    def _sleepers(self) -> list[Life]:
        return [life for life in self.lives.values() if life.changes[-1][1] == 0]

    def _wish(self) -> None:
        for life in self.random.sample(self._sleepers(), k=min(3, len(self._sleepers()))):
            kind, namespace, name = life.key.split("/")
            self.world.kube.edit(kind, namespace, name, {"metadata": {"annotations": {WAKE: "now"}}})
            life.wishes.append(self.world.clock.now())

    def _restore(self) -> None:
        """Somebody scales a sleeper up by hand."""
        for life in self.random.sample(self._sleepers(), k=min(1, len(self._sleepers()))):
            kind, namespace, name = life.key.split("/")
            body = {"spec": {"replicas": life.replicas}, "status": {"readyReplicas": life.replicas}}
            self.world.kube.edit(kind, namespace, name, body)
            life.left_alone = True  # from the second time on; either way it is no longer judged by its hours

    # Running and judging.

    def run(self) -> Report:
        number = 0
        while self.world.clock.now() < self.end:
            self._pull(number)
            self.world.step()
            number += 1
        return self.judge()

    def judge(self) -> Report:
        report = Report()
        for life in self.lives.values():
            sleeps = list(life.sleeps(self.end))
            report.sleeps += len(sleeps)
            report.most_sleeps_of_one = max(report.most_sleeps_of_one, len(sleeps))
            for since, until, replicas in sleeps:
                self._judge_sleep(life, since, report)
                self._judge_wake(life, since, until, report)
                if replicas:
                    report.wakes += 1
                    if replicas != life.replicas:
                        report.inexact.append(f"inexact: {life.key} {replicas} instead of {life.replicas} at {until}")
            if not life.left_alone:
                self._judge_hours(life, sleeps, report)
        for key, life in self.lives.items():
            marks = self.world.obj(key)["metadata"].get("annotations") or {}
            if life.changes[-1][1] > 0 and SLEPT in marks:
                report.inexact.append(f"inexact: {key} runs and is marked")
        return report

    def _judge_sleep(self, life: Life, at: datetime, report: Report) -> None:
        if life.rule != "traffic" and self.open(at):
            report.wrongful.append(f"wrongful: {life.key} slept at {at} inside its hours")
        if life.rule == "clock":
            return
        if self.world.truly_asked_for(life.key, after=at - life.idle_after, until=at - LAG):
            report.wrongful.append(f"wrongful: {life.key} slept at {at} after traffic")
        elif self.world.truly_asked_for(life.key, after=at - LAG, until=at):
            report.unseen_before_sleep += 1

    def _judge_wake(self, life: Life, since: datetime, until: datetime, report: Report) -> None:
        for wish, seen in self._wishes(life, since, until, report):
            bound = seen + 2 * self.tick + LAG
            if until > bound and bound < self.end:
                report.missed.append(f"missed: {life.key} asleep {since} to {until}, asked for at {wish}")
                return

    def _wishes(
        self, life: Life, since: datetime, until: datetime, report: Report
    ) -> Iterator[tuple[datetime, datetime]]:
        """(moment, when it could be known) of everything that should have woken a sleeper."""
        for at in life.wishes:
            if since <= at < until:
                yield at, self._running(at)
        if life.rule != "traffic":
            opening = next((t for t in _minutes(since, until) if self.open(t)), None)
            if opening is not None:
                yield opening, self._running(opening)
        elif self.suspended is not None and since <= self.suspended[0] < until:
            yield self.suspended[0], self._running(self.suspended[0])
        if life.rule == "clock":
            return
        for at, lane in self._arrivals(life, since - LAG, until):
            seen = self._known(at)
            if any(lane == other and at <= restart < seen for other, restart in self.restarts):
                report.lost_by_restarts += 1
                continue
            yield at, seen
            return

    def _arrivals(self, life: Life, after: datetime, until: datetime) -> list[tuple[datetime, int]]:
        """(moment, lane) of every request but probes, in order."""
        demand, epoch = self.world.demand, datetime(1970, 1, 1, tzinfo=UTC)
        found = []
        for row in demand.rows_of.get(life.key, ()):
            source, lane = demand.row_source(row)
            if not source.probe and source.per_hour:
                moments = demand.arrivals(row, after_ms=to_ms(after), until_ms=to_ms(until)).tolist()
                found += [(epoch + timedelta(milliseconds=moment), lane) for moment in moments]
        return sorted(found)

    def _running(self, at: datetime) -> datetime:
        """When Plimsoll runs next."""
        for start, end in sorted(self.down):
            if start - 2 * self.tick <= at < end:
                at = end
        return at

    def _known(self, at: datetime) -> datetime:
        """The first pass of Plimsoll at which the metrics can show a request of `at`."""
        passes = -((self.start - (at + LAG)) // self.tick)
        moment = self.start + passes * self.tick
        while any(start <= moment < end for start, end in self.down) or any(
            start <= moment < end + LAG for start, end in self.blind
        ):
            moment += self.tick
        return moment

    def open(self, at: datetime) -> bool:
        """The schedule, by another road than the code's."""
        local = at.astimezone(BERLIN)
        return local.date() != HOLIDAY and local.isoweekday() <= 5 and 8 <= local.hour < 18

    def _judge_hours(self, life: Life, sleeps: list[tuple[datetime, datetime, int]], report: Report) -> None:
        """Quarter hours in which it was silent for long enough and the policy allowed sleep."""
        step, cursor, asleep = timedelta(minutes=15), self.start + timedelta(hours=3), 0
        arrivals = [to_ms(a) for a, _ in self._arrivals(life, self.start - timedelta(hours=3), self.end)]
        last = 0
        while cursor < self.end:
            ms = to_ms(cursor)
            while last < len(arrivals) and arrivals[last] <= ms:
                last += 1
            quiet = last == 0 or ms - arrivals[last - 1] >= life.idle_after / timedelta(milliseconds=1)
            allowed = life.rule == "traffic" or not self.open(cursor)
            if life.rule == "traffic" and self.suspended and self.suspended[0] <= cursor < self.suspended[1]:
                allowed = False
            if quiet and allowed:
                while asleep < len(sleeps) and sleeps[asleep][1] <= cursor:
                    asleep += 1
                report.eligible_hours += 0.25
                if asleep < len(sleeps) and sleeps[asleep][0] <= cursor:
                    report.asleep_hours += 0.25
            cursor += step


def _minutes(since: datetime, until: datetime) -> Iterator[datetime]:
    at = since
    while at < until:
        yield at
        at += timedelta(minutes=5)


def reasons_given() -> Counter[str]:
    """How often each reason was concluded anew."""
    from apps.ledger.models import DecisionRow

    return Counter(DecisionRow.objects.values_list("reason_code", flat=True))
