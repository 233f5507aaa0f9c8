"""The command `plimsoll`. Heavy modules are imported inside the commands: `plimsoll --help` loads no Django."""

from __future__ import annotations

import contextlib
import os
import sys

import typer

from apps.kernel.errors import InvalidInput, PlimsollError, Unavailable
from portal.cli import cluster, sandbox, token
from portal.cli.doctor import doctor
from portal.cli.get import describe, get
from portal.cli.login import login, logout
from portal.cli.objects import apply, delete, preview
from portal.cli.people import approve, reject, undo
from portal.cli.uninstall import uninstall
from portal.cli.up import up
from portal.cli.workloads import sleep, wake, why

app = typer.Typer(
    name="plimsoll",
    help=(
        "Keeps every cluster loaded up to the line and never past it.\n\n"
        "PLIMSOLL_URL and PLIMSOLL_TOKEN say which server to ask, and as whom."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
policy = typer.Typer(help="Look at a policy before it is applied.", no_args_is_help=True)
policy.command()(preview)

for command in (
    up,
    login,
    logout,
    get,
    describe,
    apply,
    delete,
    sleep,
    wake,
    why,
    approve,
    reject,
    undo,
    uninstall,
    doctor,
):
    app.command()(command)
app.add_typer(cluster.app, name="cluster")
app.add_typer(policy, name="policy")
app.add_typer(token.app, name="token")
app.add_typer(sandbox.app, name="sandbox")


def main() -> None:
    """Exit codes: 0 it is done, 1 it failed or was refused, 2 it was asked for wrongly. Errors go to stderr."""
    try:
        app()
    except InvalidInput as e:
        _fail(e, code=2)
    except PlimsollError as e:
        _fail(e, code=1)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does. Python would complain once more at its own end.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as e:
        _fail(Unavailable(str(e)), code=1)


def _fail(error: PlimsollError, *, code: int) -> None:
    """`error: field: message` for each field, then the mend on a line of its own."""
    for field, message in getattr(error, "causes", ()) or [(error.field, error.message)]:
        sys.stderr.write(f"error: {field}: {message}\n" if field else f"error: {message}\n")
    if error.mend:
        sys.stderr.write(f"mend: {error.mend}\n")
    sys.exit(code)
