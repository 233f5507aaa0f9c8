"""The command `plimsoll`. A module is imported when its command runs: `plimsoll --help` loads no Django."""

from __future__ import annotations

import sys

import typer

from apps.kernel.errors import PlimsollError
from portal.cli.up import up

app = typer.Typer(
    name="plimsoll",
    help="Keeps every cluster loaded up to the line and never past it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(up)


@app.callback()
def root() -> None:
    """Keeps every cluster loaded up to the line and never past it."""


def main() -> None:
    """Exit codes: 0 it is done, 1 it failed, 2 it was asked for wrongly."""
    try:
        app()
    except PlimsollError as e:
        sys.stderr.write(f"error: {e}\n")
        sys.exit(1)
