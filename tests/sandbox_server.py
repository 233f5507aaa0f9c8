"""The sandbox's Kubernetes API on loopback, over TLS, for the length of a test."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
import yaml

from apps.sandbox.kubeapi.app import KubeApp
from apps.sandbox.kubeapi.cluster import Cluster, admin
from apps.sandbox.kubeapi.kubeconfig import Context, kubeconfig
from apps.sandbox.kubeapi.request import User
from apps.sandbox.kubeapi.tls import make_certificates


class SandboxServer:
    """One simulated cluster served from a thread of its own. Its store belongs to that thread's event loop."""

    def __init__(self, folder: Path) -> None:
        self._tokens = {name: secrets.token_hex(16) for name in ("admin", "nobody")}
        users = {self._tokens["admin"]: admin(), self._tokens["nobody"]: User(name="nobody")}
        self._certificates = make_certificates(folder)
        self.cluster = Cluster(
            "contract", now=lambda: datetime.now(UTC), tokens=users, ca_pem=self._certificates.ca_pem.decode()
        )
        self.app = KubeApp(self.cluster)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._loop: asyncio.AbstractEventLoop | None = None
        config = uvicorn.Config(
            self.app,
            ssl_certfile=str(self._certificates.cert_file),
            ssl_keyfile=str(self._certificates.key_file),
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Returns at once: the socket listens already, and a client's first request waits in it."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the open watches, the server and its thread."""
        self.call(self.app.close_watches)
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._listener.close()

    def kubeconfig(self, user: str) -> str:
        """For `admin` or `nobody`."""
        server = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        context = Context(server=server, token=self._tokens[user], ca_pem=self._certificates.ca_pem)
        return yaml.safe_dump(kubeconfig({"sandbox": context}))

    def forget_history(self) -> None:
        """No watch can start from a version before this moment."""
        self.call(self.cluster.store.compact)

    def call(self, work: Callable[[], object]) -> None:
        """Does `work` in the server's own loop, and returns when it is done."""
        assert self._loop is not None

        async def run() -> None:
            work()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=10)

    def _run(self) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve(sockets=[self._listener])

        asyncio.run(main())


@contextmanager
def serving(folder: Path) -> Iterator[SandboxServer]:
    """A running sandbox server."""
    server = SandboxServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
