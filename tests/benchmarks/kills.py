"""F3: kill -9 of the web server, the watcher and a worker before every write of a sleep and of a wake.

    python -m tests.benchmarks.kills [--roles web,watcher,worker] [--most N]

One Plimsoll, as `plimsoll up` runs it, on a real control plane. For each process and each of its writes, one after
another: a new Deployment is put to sleep and woken, and the process dies before that write; the supervisor starts it
again. The watcher and the worker are tried with a policy that is applied and deleted, the web server by its API. How
many writes there are comes out by itself: the first number that nobody dies of is one too many.

Afterwards each Deployment must be as it was; its generation, which its annotations move too, tells that it was written
exactly four times; and there must be one Done sleep and one Done wake, each proposed, started and finished once on an
unbroken chain.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from apps.adapters.kubernetes import connect, parse_kubeconfig
from apps.kernel.errors import NotFound
from apps.kernel.marks import SLEPT
from apps.kernel.ports import Kube
from apps.kernel.vocab import ObjectRef
from deploy.kube import assets
from deploy.kube.controlplane import ControlPlane
from tests.contract.objects import deployment, ref

NAMESPACE = "kills-dev"
CLUSTER = "kills"
ROLES = {"web": "portal.web", "watcher": "workers.watcher", "worker": "workers.worker"}
PHASES = ("sleep", "wake")
MOST_WRITES = 40
UP = "import portal.supervisor.run as r; r.LONGEST_PAUSE_SECONDS = 0.2; from portal.cli.main import main; main()"


def eventually(claim: Callable[[], bool], *, what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            raise AssertionError(f"not after {seconds:.0f} s: {what}")
        time.sleep(0.1)


def policy(name: str) -> dict[str, Any]:
    """Sleeps at all times but an hour on a Sunday that is no holiday of anybody's."""
    window = {"days": ["Sun" if time.gmtime().tm_wday != 6 else "Mon"], "from": "00:00", "to": "00:30"}
    return {
        "apiVersion": "plimsoll.dev/v1alpha1",
        "kind": "ResourcePolicy",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "mode": "Enforce",
            "targets": [{"kinds": ["Deployment"], "selector": {"matchLabels": {"app": name}}}],
            "scaleToZero": {"minAwake": "0s", "schedule": {"keepAwake": [window]}},
        },
    }


@dataclass
class Scene:
    """A running Plimsoll with one cluster, and the folder in which processes are told to die."""

    kube: Kube
    home: Path
    points: Path
    url: str
    token: str
    dead: list[str] = field(default_factory=list)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer; a server that has just died is asked again."""
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = httpx.post(
                    f"{self.url}/api/v1/{path}",
                    json=body,
                    headers={"Authorization": f"Bearer {self.token}"},
                    timeout=30,
                    trust_env=False,
                )
                answer.raise_for_status()
                found: dict[str, Any] = answer.json()
                return found
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.home / 'plimsoll.sqlite3'}?mode=ro", uri=True)) as database:
            return database.execute(sql, values).fetchall()

    def story(self, name: str) -> str:
        """What Plimsoll has said of a workload, for whoever looks into a failure."""
        said = self.rows("SELECT verdict, reason_code, state FROM ledger_decisionrow WHERE subject_name = ?", name)
        done = self.rows("SELECT kind, state, attempts, outcome FROM ledger_actionrow WHERE target_name = ?", name)
        due = self.rows("SELECT key, at, holder, attempts, last_error FROM ledger_duework")
        return f"{said} {done} {due}"

    def order(self, role: str, number: int, name: str) -> None:
        (self.points / "killed").unlink(missing_ok=True)
        draft = self.points / "draft"
        draft.write_text(f"{ROLES[role]} {number} {name}")
        draft.rename(self.points / "kill")

    def died(self) -> bool:
        """Whether the order was carried out; takes it back when it was not."""
        (self.points / "kill").unlink(missing_ok=True)
        return (self.points / "killed").exists()


def target(name: str) -> ObjectRef:
    return ref(deployment(NAMESPACE, name))


def is_asleep(scene: Scene, name: str) -> bool:
    obj = scene.kube.get(target(name))
    return obj["spec"]["replicas"] == 0 and SLEPT in obj["metadata"].get("annotations", {})


def is_awake(scene: Scene, name: str) -> bool:
    obj = scene.kube.get(target(name))
    return obj["spec"]["replicas"] == 2 and SLEPT not in obj["metadata"].get("annotations", {})


def is_quiet(scene: Scene, name: str, kind: str) -> bool:
    """Whether the last action of this kind on it has ended, and nothing is due."""
    key = f"Deployment/{NAMESPACE}/{name}"
    states = scene.rows("SELECT state FROM ledger_actionrow WHERE target_key = ? AND kind = ?", key, kind)
    open_ = [state for (state,) in states if state in ("Due", "Running", "WaitingApproval")]
    due = scene.rows("SELECT key FROM ledger_duework WHERE key LIKE 'action:%'")
    return bool(states) and not open_ and not due


def send(scene: Scene, name: str, phase: str, *, by_api: bool) -> None:
    if by_api:
        item = {"cluster": CLUSTER, "namespace": NAMESPACE, "kind": "Deployment", "name": name}
        scene.post(f"workloads/{phase}/", {"items": [item], "reason": "the kill test"})
    elif phase == "sleep":
        scene.kube.apply(policy(name))
    else:
        group = "plimsoll.dev"
        scene.kube.delete(ObjectRef(CLUSTER, group, "ResourcePolicy", NAMESPACE, name))


def try_one(scene: Scene, role: str, phase: str, number: int) -> bool:
    """Put one Deployment to sleep and wake it; the process dies before its `number`-th write of `phase`.

    False when it has fewer writes than that. AssertionError when anything is not as if nobody had died.
    """
    name = f"{role}-{phase}-{number}"
    scene.kube.create(deployment(NAMESPACE, name, replicas=2, labels={"app": name}))
    known = "SELECT 1 FROM fleet_workload WHERE name = ?"
    eventually(lambda: bool(scene.rows(known, name)), what=f"{name} is seen")
    died = False
    for step, kind, done in (("sleep", "Sleep", is_asleep), ("wake", "Wake", is_awake)):
        if step == phase:
            scene.order(role, number, name)
        send(scene, name, step, by_api=role == "web")
        eventually(lambda done=done: done(scene, name), what=f"{name}: {kind}")  # type: ignore[misc]
        eventually(lambda kind=kind: is_quiet(scene, name, kind), what=f"{name}: {kind} is settled")  # type: ignore[misc]
        if step == phase:
            died = scene.died()
    check(scene, name)
    with_policy = role != "web"
    if with_policy:
        eventually(lambda: not _exists(scene, name), what="the policy is gone")
    scene.kube.delete(target(name))
    return died


def _exists(scene: Scene, name: str) -> bool:
    try:
        scene.kube.get(ObjectRef(CLUSTER, "plimsoll.dev", "ResourcePolicy", NAMESPACE, name))
    except NotFound:
        return False
    return True


def check(scene: Scene, name: str) -> None:
    obj = scene.kube.get(target(name))
    writes = obj["metadata"]["generation"] - 1
    if writes != 4:
        raise AssertionError(f"{name} was written {writes} times, not 4: mark, sleep, wake, unmark")
    key = f"Deployment/{NAMESPACE}/{name}"
    actions = scene.rows("SELECT kind, state FROM ledger_actionrow WHERE target_key = ? ORDER BY created_at", key)
    if actions != [("Sleep", "Done"), ("Wake", "Done")]:
        raise AssertionError(f"{name}: {actions}")
    told = scene.rows(
        "SELECT content FROM ledger_record WHERE subject = ? AND kind IN ('Action', 'Outcome') ORDER BY seq", key
    )
    events = [json.loads(content)["body"]["event"] for (content,) in told]
    if events != ["Proposed", "Started", "Done"] * 2:
        raise AssertionError(f"{name}: the ledger says {events}")
    chain = scene.rows("SELECT seq, prev_hash, hash FROM ledger_record ORDER BY seq")
    if any(
        later[0] != earlier[0] + 1 or later[1] != earlier[2] for earlier, later in zip(chain, chain[1:], strict=False)
    ):
        raise AssertionError(f"{name}: the chain is broken")


def command(home: Path, url: str, *arguments: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PLIMSOLL_")}
    environment = {**clean, "PLIMSOLL_HOME": str(home), **({"PLIMSOLL_TOKEN": arguments[0]} if url else {})}
    if url:
        environment["PLIMSOLL_URL"] = url
    run = [sys.executable, "-m", "portal.cli", *(arguments[1:] if url else arguments)]
    return subprocess.run(run, env=environment, check=True, capture_output=True, text=True, timeout=120).stdout


@contextmanager
def stage() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory(prefix="plimsoll-kills-") as name:
        folder = Path(name)
        home, points = folder / "home", folder / "points"
        points.mkdir()
        with ControlPlane(folder=folder / "kube", assets=assets.find()) as plane:
            plane.add_nodes(2)
            kubeconfig = folder / "kubeconfig"
            kubeconfig.write_text(plane.kubeconfig())
            with closing(connect(parse_kubeconfig(plane.kubeconfig()), cluster=CLUSTER)) as kube:
                kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
                with running(home, points, folder / "up.log") as url:
                    token = command(home, "", "token", "create", "--name", "kills", "--scope", "admin").strip()
                    command(home, url, token, "cluster", "add", CLUSTER, "--kubeconfig", str(kubeconfig))
                    yield Scene(kube, home, points, url, token)


@contextmanager
def running(home: Path, points: Path, log: Path) -> Iterator[str]:
    """The address of a `plimsoll up` that starts again at once what was killed."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PLIMSOLL_")}
    own = {
        "PLIMSOLL_HOME": str(home),
        "PLIMSOLL_PORT": "0",
        "PLIMSOLL_DEMO": "0",
        "PLIMSOLL_TICK_SECONDS": "1",
        "PLIMSOLL_WRITE_POINTS": str(points),
    }
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", UP, "up"], env={**clean, **own}, stdout=out, stderr=out)
    try:
        eventually(lambda: "is ready at" in log.read_text(), what="Plimsoll is ready", seconds=120)
        yield next(line for line in log.read_text().splitlines() if "is ready at" in line).rpartition(" ")[2]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--roles", default=",".join(ROLES))
    options.add_argument("--most", type=int, default=MOST_WRITES, help="Stop after so many writes of each.")
    chosen = options.parse_args()
    for signum in (signal.SIGINT, signal.SIGTERM):  # leave by the context managers, so that nothing is left running
        signal.signal(signum, lambda number, frame: sys.exit(1))
    say = sys.stdout.write
    failed = 0
    with stage() as scene:
        for role in chosen.roles.split(","):
            for phase in PHASES:
                number, wrong = 0, 0
                while number < chosen.most:
                    try:
                        if not try_one(scene, role, phase, number + 1):
                            break
                    except AssertionError as e:
                        wrong += 1
                        say(f"  {role}, {phase}, write {number + 1}: {e}\n")
                        say(f"    {scene.story(f'{role}-{phase}-{number + 1}')}\n")
                    number += 1
                say(f"{role}, {phase}: killed before each of {number} writes, {wrong} went wrong\n")
                sys.stdout.flush()
                failed += wrong
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
