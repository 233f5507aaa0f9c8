"""Which processes make up Plimsoll on one machine, and in which order they start.

    broker -> prepare -> web -> (the first page is served) -> worker, beat, watcher
                     `-> sandbox -> demo

The sandbox and its bootstrap run beside the start of the web process.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from apps.kernel.errors import InvalidInput
from portal.supervisor import broker
from portal.supervisor.child import ChildSpec


@dataclass(frozen=True, slots=True)
class Options:
    """What `plimsoll up` was asked for. `cluster` is "sandbox" or "kube"; without `demo` neither is started."""

    home: Path
    port: int
    host: str = "127.0.0.1"
    demo: bool = True
    cluster: str = "sandbox"
    own_broker: bool = True
    extra_env: dict[str, str] = field(default_factory=dict)


GROUND = ("broker", "sandbox", "kube")
"""What the other processes talk to: it stops after them."""


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _known(specs: Sequence[tuple[str, ChildSpec]]) -> list[ChildSpec]:
    return [spec for module, spec in specs if find_spec(module) is not None]


def broker_spec(options: Options) -> ChildSpec | None:
    return ChildSpec("broker", broker.command(options.home), told_secrets=False) if options.own_broker else None


def prepare_spec() -> ChildSpec:
    return ChildSpec("prepare", _python("portal.supervisor.prepare"), once=True)


def web_spec(options: Options, *, fd: int) -> ChildSpec:
    return ChildSpec("web", _python("portal.web", "--fd", str(fd)), pass_fds=(fd,))


def background_specs() -> list[ChildSpec]:
    """What works behind the pages."""
    return _known(
        [
            ("workers.watcher", ChildSpec("watcher", _python("workers.watcher"))),
            ("workers.worker", ChildSpec("worker", _python("workers.worker"))),
            ("workers.beat", ChildSpec("beat", _python("workers.beat"))),
        ]
    )


def demo_specs(options: Options) -> list[ChildSpec]:
    """The demo fleet and what connects it; none without `demo`."""
    if not options.demo:
        return []
    folder = options.home / options.cluster
    folder.mkdir(mode=0o700, exist_ok=True)
    kubeconfig = folder / "kubeconfig"
    kubeconfig.unlink(missing_ok=True)
    bootstrap = ChildSpec("bootstrap", _python("portal.supervisor.bootstrap", str(kubeconfig)), once=True)
    return [_fleet_spec(options, folder, kubeconfig), bootstrap]


def _fleet_spec(options: Options, folder: Path, kubeconfig: Path) -> ChildSpec:
    """The sandbox on the port it always had, or the real control plane. The old kubeconfig goes first: a new one says
    that the fleet can be used."""
    if options.cluster == "kube":
        if find_spec("deploy.kube.demo") is None:
            raise InvalidInput(
                "the control plane's runner is not here", field="--cluster", mend="run it from a checkout"
            )
        runner = _python("deploy.kube.demo", str(folder), str(kubeconfig))
        return ChildSpec("kube", runner, grace_seconds=30, told_secrets=False)
    command = [
        *_python("portal.cli", "sandbox", "serve"),
        *("--port", str(_kept_port(folder))),
        *("--kubeconfig", str(kubeconfig)),
        *("--state", str(folder)),
    ]
    return ChildSpec("sandbox", command, told_secrets=False)


def _kept_port(folder: Path) -> int:
    """A free loopback port, chosen once: the clusters' addresses stand in the database."""
    file = folder / "port"
    if file.exists():
        return int(file.read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    file.write_text(f"{port}\n")
    return port
