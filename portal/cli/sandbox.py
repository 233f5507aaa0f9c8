"""`plimsoll sandbox serve`: the embedded fleet alone, for kubectl and clients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The embedded fleet: a simulator behind the Kubernetes API.", no_args_is_help=True)


@app.command()
def serve(
    kubeconfig: Annotated[Path, typer.Option(help="Write a kubeconfig for it here.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Serve here on loopback; 0 takes a free port.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same fleet.")] = 1,
    workloads: Annotated[int | None, typer.Option(min=1, help="About so many workloads.")] = None,
    speed: Annotated[float, typer.Option(min=0.001, help="Simulated seconds a real one.")] = 1.0,
    state: Annotated[Path | None, typer.Option(help="Keep the fleet's state in this folder.")] = None,
) -> None:
    """Run the sandbox until Ctrl-C.

    Examples:

      plimsoll sandbox serve --port 6443 --seed 7 --kubeconfig sandbox.yaml

      plimsoll sandbox serve --seed 7 --workloads 50 --speed 60 --kubeconfig sandbox.yaml &
      kubectl --kubeconfig sandbox.yaml get deployments -A
    """
    from apps.sandbox.serve import serve as run

    run(port=port, seed=seed, workloads=workloads, speed=speed, kubeconfig=kubeconfig, state=state)
