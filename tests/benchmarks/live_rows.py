"""F6: from a change in the cluster to the row in the browser.

    python -m tests.benchmarks.live_rows [--browsers 50] [--chromium 4] [--changes 30]

A `plimsoll up` with the demo fleet, on a state folder and a port of its own. A change scales a Deployment through the
sandbox's API; it counts from the moment the API server has answered to the moment the row shows the new number.
`--chromium` of the browsers are tabs of the real one, each in a context of its own, timed by its DOM; the others speak
the same socket and fetch the same rows, without drawing (`open_pages`).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from apps.adapters.kubernetes import connect, parse_kubeconfig
from apps.kernel.errors import PlimsollError
from apps.kernel.ports import Kube
from apps.kernel.vocab import ObjectRef
from tests.benchmarks.open_pages import Chromium, Client, Sightings, sign_in
from tests.portal.plimsoll_up import Up
from tests.workers.own_home import eventually

NAMESPACE = "live-rows"
DEPLOYMENTS = 12
PATH = f"/workloads/?namespace={NAMESPACE}"
PATIENCE_SECONDS = 12.0
"""A number comes back to the same Deployment only after five of its turns, so a sighting cannot be another change's."""
GOAL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """One Deployment scaled: its row, its new number, and the Unix time at which the API server had answered."""

    row: str
    replicas: int
    at: float


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--browsers", type=int, default=50)
    options.add_argument("--chromium", type=int, default=4, help="how many of them are the real Chromium")
    options.add_argument("--changes", type=int, default=30)
    options.add_argument("--settle", type=float, default=60, help="seconds until the demo fleet has found its rest")
    chosen = options.parse_args()
    home = Path(tempfile.mkdtemp(prefix="plimsoll-live-rows-"))
    up = Up(home, PLIMSOLL_DEMO="1")
    try:
        up.wait_for("Plimsoll is ready at ", seconds=120)
        return asyncio.run(_measure(up, chosen))
    finally:
        up.stop()
        shutil.rmtree(home, ignore_errors=True)


async def _measure(up: Up, chosen: argparse.Namespace) -> int:
    kubeconfig = up.home / "sandbox" / "kubeconfig"
    eventually(kubeconfig.exists, what="the sandbox has written its kubeconfig")
    with closing(connect(parse_kubeconfig(kubeconfig.read_text()), cluster="live-rows")) as kube:
        eventually(lambda: _answers(kube), what="the sandbox answers")
        await asyncio.to_thread(_furnish, kube)
        cookies = await sign_in(up.url, (up.home / "admin-password").read_text().split()[-1])
        await asyncio.sleep(chosen.settle)
        async with AsyncExitStack() as stack:
            clients = [Client(up.url, PATH, cookies=cookies) for _ in range(chosen.browsers - chosen.chromium)]
            for client in clients:
                stack.push_async_callback(client.close)
                await client.start()
            tabs = await _tabs(stack, up.url, cookies, count=chosen.chromium)
            changes = await _change(kube, clients[0].names, count=chosen.changes)
            await asyncio.sleep(PATIENCE_SECONDS / 2)
            return _report(changes, clients=clients, drawn=[await tab.sightings() for tab in tabs])


def _answers(kube: Kube) -> bool:
    try:
        return bool(kube.version())
    except PlimsollError:
        return False


def _furnish(kube: Kube) -> None:
    """Deployments that no policy of the demo touches: nothing else changes their number."""
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for number in range(DEPLOYMENTS):
        kube.apply(_deployment(f"web-{number:02}"))


def _deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    asked = {"requests": {"cpu": "10m", "memory": "16Mi"}}
    container = {"name": "app", "image": "registry.k8s.io/pause:3.10", "resources": asked}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


async def _tabs(stack: AsyncExitStack, url: str, cookies: dict[str, str], *, count: int) -> list[Chromium]:
    playwright = await stack.enter_async_context(async_playwright())
    browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"))
    stack.push_async_callback(browser.close)
    tabs = []
    for _ in range(count):
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        await context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
        tabs.append(await Chromium.open(context, url + PATH))
    return tabs


async def _change(kube: Kube, rows: dict[str, str], *, count: int) -> list[Change]:
    """Scales one Deployment after another, never to the number it had."""
    dice = random.Random(6)  # noqa: S311  spreads the changes over the ticks, the same each time
    names, number, made = sorted(rows), dict.fromkeys(rows, 1), []
    if len(names) != DEPLOYMENTS:
        raise RuntimeError(f"the page shows {len(names)} of {DEPLOYMENTS} workloads")
    for turn in range(count):
        name = names[turn % len(names)]
        number[name] = number[name] % 5 + 1
        ref = ObjectRef("", "apps", "Deployment", NAMESPACE, name)
        await asyncio.to_thread(kube.patch, ref, body={"spec": {"replicas": number[name]}})
        made.append(Change(rows[name], number[name], time.time()))
        await asyncio.sleep(dice.uniform(2.0, 4.0))
    return made


def _report(changes: list[Change], *, clients: list[Client], drawn: list[Sightings]) -> int:
    """Prints the figure; 1 when the goal is missed or a browser never showed a change."""
    say = sys.stdout.write
    in_tabs = [delay for seen in drawn for delay in _delays(changes, seen)]
    in_clients = [delay for client in clients for delay in _delays(changes, client.seen)]
    told = [delay for client in clients for delay in _first_told(changes, client.told)]
    fetched = [seconds for client in clients for seconds in client.fetched]
    say(f"{len(changes)} changes, {len(drawn)} tabs of Chromium and {len(clients)} clients without a screen\n")
    for what, delays in (
        ("all", in_tabs + in_clients),
        ("Chromium alone", in_tabs),
        ("socket told", told),
        ("one fetch", fetched),
    ):
        if delays:
            say(f"{what:<16} {_spread(delays)}\n")
    missed = len(changes) * (len(clients) + len(drawn)) - len(in_tabs + in_clients)
    say(f"changes that a browser never showed: {missed}\n")
    return 1 if missed or _p95(in_tabs + in_clients) > GOAL_SECONDS else 0


def _delays(changes: list[Change], seen: Sightings) -> list[float]:
    """Seconds to each change's first sighting; nothing for one that was not seen in PATIENCE_SECONDS."""
    found = []
    for change in changes:
        times = [at - change.at for row, number, at in seen if (row, number) == (change.row, change.replicas)]
        times = [t for t in times if 0 <= t < PATIENCE_SECONDS]
        found += [min(times)] if times else []
    return found


def _first_told(changes: list[Change], told: list[tuple[str, float]]) -> list[float]:
    found = []
    for change in changes:
        times = [at - change.at for row, at in told if row == change.row and 0 <= at - change.at < PATIENCE_SECONDS]
        found += [min(times)] if times else []
    return found


def _p95(delays: list[float]) -> float:
    return statistics.quantiles(delays, n=20)[-1] if len(delays) > 1 else sum(delays)


def _spread(delays: list[float]) -> str:
    return f"p50 {statistics.median(delays):.2f} s   p95 {_p95(delays):.2f} s   worst {max(delays):.2f} s"


if __name__ == "__main__":
    sys.exit(main())
