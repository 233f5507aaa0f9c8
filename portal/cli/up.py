"""`plimsoll up`."""

from __future__ import annotations

import os
import signal
from enum import StrEnum
from typing import Annotated

import typer

from apps.kernel.errors import InvalidInput
from portal.environment import env_bool, env_int, home


class ClusterKind(StrEnum):
    SANDBOX = "sandbox"
    KUBE = "kube"


def up(
    port: Annotated[
        int | None, typer.Option(help="Serve here; default PLIMSOLL_PORT, else 8000. 0 takes a free port.")
    ] = None,
    cluster: Annotated[
        ClusterKind, typer.Option(help="Where the demo fleet lives: the embedded sandbox, or a real control plane.")
    ] = ClusterKind.SANDBOX,
    demo: Annotated[
        bool | None, typer.Option("--demo/--no-demo", help="Start a demo fleet; default PLIMSOLL_DEMO, else yes.")
    ] = None,
) -> None:
    """Run Plimsoll on this machine until Ctrl-C.

    Everything it keeps lies under PLIMSOLL_HOME (default .plimsoll/).

    Examples:

      plimsoll up

      PLIMSOLL_PORT=9000 PLIMSOLL_DEMO=0 plimsoll up
    """
    from portal.supervisor.child import die_with_parent
    from portal.supervisor.plan import Options
    from portal.supervisor.run import run

    if "MAKELEVEL" in os.environ:
        die_with_parent(signal.SIGTERM)  # a killed `make run` must not leave Plimsoll behind
    folder = home()
    os.environ["PLIMSOLL_HOME"] = str(folder)
    wanted = env_int("PLIMSOLL_PORT", default=8000) if port is None else port
    if not 0 <= wanted <= 65535:
        raise InvalidInput(f"{wanted} is not a port", field="PLIMSOLL_PORT", mend="write a number from 1 to 65535")
    options = Options(
        home=folder,
        port=wanted,
        host=os.environ.get("PLIMSOLL_HOST", "127.0.0.1"),
        demo=env_bool("PLIMSOLL_DEMO", default=True) if demo is None else demo,
        cluster=cluster.value,
        own_broker=not (os.environ.get("PLIMSOLL_REDIS_URL") or os.environ.get("PLIMSOLL_REDIS_URL_FILE")),
    )
    raise typer.Exit(run(options))
