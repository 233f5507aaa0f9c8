"""The sandbox as one process: every cluster of the demo fleet under a path prefix, behind TLS on loopback.

    https://127.0.0.1:PORT/clusters/NAME                the Kubernetes API
    https://127.0.0.1:PORT/clusters/NAME/prometheus     the query API of a Prometheus
    https://127.0.0.1:PORT/clusters/NAME/exporters/...  what a Prometheus would scrape

`serve` runs it until SIGTERM or Ctrl-C; `Sandbox` is the same inside another program.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from apps.sandbox.kubeapi.app import KubeApp
from apps.sandbox.kubeapi.cluster import admin
from apps.sandbox.kubeapi.kubeconfig import Context, write_kubeconfig
from apps.sandbox.kubeapi.tls import make_certificates
from apps.sandbox.sim import state as saving
from apps.sandbox.sim.build import begin, populate, visit
from apps.sandbox.sim.clock import SimClock, from_ms
from apps.sandbox.sim.cluster import SimCluster
from apps.sandbox.sim.demo import demo_fleets
from apps.sandbox.sim.fleet import Fleet
from apps.sandbox.sim.web import MetricsApp, Receive, Scope, Send, respond

WORKLOADS = 400
_SAVE_SECONDS = 5.0
_LONGEST_SLEEP = 1.0
_PREFIX = "/clusters/"
_LOG = logging.getLogger(__name__)


class Sandbox:
    """All clusters, and the ASGI application that serves them.

    `fleets` None is the demo fleet of about `workloads` workloads. `start` None is now; `speed` is simulated seconds a
    real one, 0 for a clock that only `SimCluster.advance` moves. With a `folder` tokens, certificates and clusters
    outlive the process; a saved cluster goes on where it was.
    """

    def __init__(
        self, *, seed: int = 1, workloads: int = WORKLOADS, speed: float = 1.0, start: datetime | None = None,
        fleets: Sequence[Fleet] | None = None, folder: Path | None = None,
    ) -> None:  # fmt: skip
        self.seed, self.folder = seed, folder
        chosen = list(fleets) if fleets is not None else demo_fleets(seed=seed, workloads=workloads)
        saved = {one.name: saving.read(folder, name=one.name, seed=seed) for one in chosen} if folder else {}
        now = start or datetime.now(UTC)
        moments = [now, *(from_ms(one.saved_ms) for one in saved.values() if one is not None)]
        self.clock = SimClock(max(moments), speed=0.0)
        self._speed = speed
        self.certificates = make_certificates((folder or Path(tempfile.mkdtemp(prefix="plimsoll-sandbox-"))) / "tls")
        self._secrets = _secrets(folder, [one.name for one in chosen])
        self.clusters: dict[str, SimCluster] = {}
        self._apps: dict[str, tuple[KubeApp, MetricsApp]] = {}
        for fleet in chosen:
            self._add(fleet, saved.get(fleet.name))
        self._kept: dict[str, int] = {}  # the version each cluster was last written at
        self._wake = asyncio.Event()

    def _add(self, fleet: Fleet, saved: saving.Saved | None) -> None:
        token, key = self._secrets[fleet.name]
        cluster = SimCluster(
            fleet.name, seed=self.seed, clock=self.clock, tokens={token: admin()}, honor_labels=fleet.honor_labels,
            origin_ms=saved.origin_ms if saved else None, ca_pem=self.certificates.ca_pem.decode(),
            token_key=bytes.fromhex(key),
        )  # fmt: skip
        if saved is None:
            populate(cluster, fleet=fleet)
        visit(cluster, fleet=fleet)
        begin(cluster)
        if saved is not None:
            saving.restore(cluster, saved=saved)
        self.clusters[fleet.name] = cluster
        self._apps[fleet.name] = (KubeApp(cluster.api), MetricsApp(cluster))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry: chooses the cluster and what of it is asked."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        name, _, rest = path.removeprefix(_PREFIX).partition("/")
        if path in ("/healthz", "/readyz"):
            await respond(send, status=200, body=b"ok", content_type="text/plain")
        elif not path.startswith(_PREFIX) or name not in self._apps:
            body = json.dumps({"clusters": list(self._apps)}).encode()
            await respond(send, status=200 if path == "/" else 404, body=body, content_type="application/json")
        elif rest.startswith(("prometheus/", "exporters/")):
            await self._apps[name][1]("/" + rest, scope=scope, receive=receive, send=send)
        else:
            await self._apps[name][0]({**scope, "root_path": f"{_PREFIX}{name}"}, receive, send)

    def contexts(self, port: int) -> dict[str, Context]:
        """What a kubeconfig needs of each cluster, in order; the first is the default."""
        return {
            name: Context(server=f"https://127.0.0.1:{port}{_PREFIX}{name}", token=self._secrets[name][0],
                          ca_pem=self.certificates.ca_pem)
            for name in self.clusters
        }  # fmt: skip

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let time run, and save what changes, for as long as the context lasts."""
        self.clock.start(speed=self._speed)
        for cluster in self.clusters.values():
            cluster.manager.on_dirty = self._wake.set
        tasks = [asyncio.create_task(self._run())]
        tasks += [asyncio.create_task(self._save_often())] if self.folder else []
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.save()

    def close_watches(self) -> None:
        """End every open watch, so that a server that goes down does not wait for them."""
        for app, _ in self._apps.values():
            app.close_watches()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            waits = [wait for cluster in self.clusters.values() if (wait := cluster.run_due()) is not None]
            seconds = min([wait / self._speed for wait in waits] if self._speed else [], default=_LONGEST_SLEEP)
            if seconds <= 0:
                await asyncio.sleep(0)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=min(max(seconds, 0.005), _LONGEST_SLEEP))

    async def _save_often(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_SECONDS)
            await self.save()

    async def save(self) -> None:
        """Write the clusters that changed since they were last written; a full disk is logged and tried again."""
        for name, cluster in self.clusters.items():
            if self.folder is None or self._kept.get(name) == cluster.store.version:
                continue
            saved = saving.snapshot(cluster)
            try:
                await asyncio.to_thread(saving.write, self.folder, name=name, saved=saved, seed=self.seed)
            except OSError as e:
                _LOG.warning("state not saved", extra={"cluster": name, "error": str(e)})
            else:
                self._kept[name] = saved.version


def serve(
    *, port: int = 0, seed: int = 1, workloads: int | None = None, speed: float = 1.0, kubeconfig: Path,
    state: Path | None = None, fleets: Sequence[Fleet] | None = None,
) -> None:  # fmt: skip
    """Serve on loopback until SIGTERM or Ctrl-C; `port` 0 takes a free one.

    Writes `kubeconfig` (0600) with one context a cluster and prints one line once it can be used. Raises OSError when
    the port is taken or the kubeconfig cannot be written.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        sandbox = Sandbox(
            seed=seed, workloads=workloads or WORKLOADS, speed=speed, fleets=fleets,
            folder=Path(state) if state else None,
        )  # fmt: skip
        asyncio.run(_serve(sandbox, listener=listener, kubeconfig=Path(kubeconfig)))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, sandbox: Sandbox) -> None:
        super().__init__(config)
        self._sandbox = sandbox

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C end the server and no more: uvicorn's own way raises them again, before state is saved."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._sandbox.close_watches()
        await super().shutdown(sockets)


async def _serve(sandbox: Sandbox, *, listener: socket.socket, kubeconfig: Path) -> None:
    port = listener.getsockname()[1]
    files = sandbox.certificates
    config = uvicorn.Config(
        sandbox, ssl_certfile=str(files.cert_file), ssl_keyfile=str(files.key_file), log_level="warning",
        access_log=False, lifespan="off", timeout_graceful_shutdown=3, backlog=512,
    )  # fmt: skip
    server = _Server(config, sandbox=sandbox)
    write_kubeconfig(kubeconfig, contexts=sandbox.contexts(port))
    async with sandbox.running():
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        if server.started:
            names = ", ".join(sandbox.clusters)
            sys.stdout.write(f"Plimsoll sandbox is ready at https://127.0.0.1:{port} ({names})\n")
            sys.stdout.flush()
        await task


def _secrets(folder: Path | None, names: list[str]) -> dict[str, tuple[str, str]]:
    """The administrator's token and the token key of each cluster, kept in `folder` when there is one."""
    path = folder / "secrets.json" if folder else None
    known: dict[str, list[str]] = {}
    if path is not None and path.exists():
        known = json.loads(path.read_text())
    found = {name: known.get(name) or [secrets.token_urlsafe(24), secrets.token_hex(32)] for name in names}
    if path is not None and found != known:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({**known, **found}, file)
    return {name: (token, key) for name, (token, key) in found.items()}
