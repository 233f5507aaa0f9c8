"""A KubeApp served over TLS on a random loopback port, in a thread of the test's process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from apps.sandbox.kubeapi.app import KubeApp
from apps.sandbox.kubeapi.cluster import Cluster
from apps.sandbox.kubeapi.kubeconfig import Context, write_kubeconfig
from apps.sandbox.kubeapi.tls import make_certificates

KUBECTL = Path(sys.executable).parent / "kubectl"


@dataclass(frozen=True, slots=True)
class Done:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both outputs, for messages."""
        return f"exit {self.code}\n{self.out}\n{self.err}"


@dataclass(frozen=True, slots=True)
class Live:
    """A served cluster and how to reach it."""

    app: KubeApp
    kubeconfig: Path
    port: int

    @property
    def cluster(self) -> Cluster:
        """The cluster behind the app."""
        return self.app.cluster

    def kubectl(self, *args: str, stdin: str | None = None, seconds: float = 30, context: str = "") -> Done:
        """Run real kubectl against the cluster."""
        command = [str(KUBECTL), f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.kubeconfig.parent / 'cache'}"]
        command += [f"--context={context}"] if context else []
        done = subprocess.run(
            [*command, *args], input=stdin, capture_output=True, text=True, timeout=seconds, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *args: str, stdin: str | None = None, **more: Any) -> str:
        """The output of a kubectl command that must succeed."""
        done = self.kubectl(*args, stdin=stdin, **more)
        assert done.code == 0, done.text
        return done.out

    def fails(self, *args: str, stdin: str | None = None, **more: Any) -> str:
        """The error output of a kubectl command that must fail."""
        done = self.kubectl(*args, stdin=stdin, **more)
        assert done.code != 0, done.text
        return done.err


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Run the server; at its end close the connections that idle clients keep open."""
    await server.serve(sockets=[listener])
    for connection in list(server.server_state.connections):
        if connection.transport is not None:
            connection.transport.abort()
    await asyncio.sleep(0)


@contextlib.contextmanager
def serve(cluster: Cluster, *, folder: Path, tokens: dict[str, str]) -> Iterator[Live]:
    """Serve the cluster under /clusters/NAME. `tokens` maps context names to bearer tokens; the first is current."""
    certificates = make_certificates(folder / "tls")
    app = KubeApp(cluster)
    prefix = f"/clusters/{cluster.name}"
    asgi = Starlette(routes=[Mount(prefix, app=app)])
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config = uvicorn.Config(
        asgi,
        log_level="warning",
        ssl_certfile=str(certificates.cert_file),
        ssl_keyfile=str(certificates.key_file),
        timeout_graceful_shutdown=1,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=[_serve(server, listener)], daemon=True)
    thread.start()
    kubeconfig = folder / "kubeconfig"
    url = f"https://127.0.0.1:{port}{prefix}"
    contexts = {name: Context(server=url, token=token, ca_pem=certificates.ca_pem) for name, token in tokens.items()}
    write_kubeconfig(kubeconfig, contexts=contexts)
    try:
        yield Live(app=app, kubeconfig=kubeconfig, port=port)
    finally:
        app.close_watches()
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
