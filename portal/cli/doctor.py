"""`plimsoll doctor`: looks at what Plimsoll stands on, and says what to mend."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import typer

from apps.kernel.errors import PlimsollError
from portal.cli import remote
from portal.cli.output import Column, Format, Output, emit_list

OK, WARN, FAIL = "ok", "warn", "fail"

COLUMNS = (Column("CHECK", "check"), Column("RESULT", "result"), Column("FOUND", "found"), Column("MEND", "mend"))


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    result: str
    found: str = ""
    mend: str = ""


def doctor(output: Output = Format.TABLE) -> None:
    """Check this machine, the server, the login and every cluster. Exit code 1 when something does not work.

    Examples:

      plimsoll doctor

      plimsoll doctor -o json
    """
    findings = [finding for check in CHECKS for finding in _guarded(check)]
    emit_list([asdict(each) for each in findings], columns=COLUMNS, output=output, empty="")
    if any(each.result == FAIL for each in findings):
        raise typer.Exit(1)


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    name = check.__name__.strip("_").replace("_", " ")
    try:
        yield from check()
    except PlimsollError as e:
        where = f"{e.field}: " if e.field else ""
        yield Finding(name, FAIL, f"{where}{e.message}", e.mend or "")
    except OSError as e:
        yield Finding(name, FAIL, str(e))


def _python() -> Iterator[Finding]:
    yield Finding("python", OK, sys.version.split()[0])


def _state() -> Iterator[Finding]:
    """Only where a Plimsoll lives: a machine that merely runs the command line has none."""
    from portal.cli.local import has_state
    from portal.environment import home
    from portal.supervisor.broker import answers, binary
    from portal.supervisor.home import check_room

    if not has_state():
        yield Finding("state", OK, "none on this machine")
        return
    folder = home()
    check_room(folder)
    free = shutil.disk_usage(folder).free // 1024**2
    yield Finding("state", OK, f"{folder}, {free} MiB free")
    mode = (folder / "secret-key").stat().st_mode & 0o777 if (folder / "secret-key").exists() else 0o600
    if mode != 0o600:
        yield Finding("secret key", FAIL, f"mode {mode:o}", f"chmod 600 {folder / 'secret-key'}")
    binary()
    if answers(folder):
        yield Finding("broker", OK, "answers")
    else:
        yield Finding("broker", WARN, "does not answer", "start `plimsoll up`, unless PLIMSOLL_REDIS_URL names another")


def _server() -> Iterator[Finding]:
    import json
    import urllib.error
    import urllib.request

    request = urllib.request.Request(f"{remote.server_url()}/readyz")  # noqa: S310  the user's own address
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            body = json.load(answer)
    except urllib.error.HTTPError as e:
        body = json.load(e)  # 503 carries the checks too
    for name, check in body.get("checks", {}).items():
        result = OK if check["ok"] else FAIL
        age = f", {check['age_seconds']} s ago" if check.get("age_seconds") is not None else ""
        yield Finding(
            f"server {name}", result, f"{check['detail'] or result}{age}", "" if check["ok"] else "see its log"
        )


def _login() -> Iterator[Finding]:
    with remote.server() as api:
        me = api.get("me/")
    scopes = ", ".join(me["scopes"] or []) or "all"
    yield Finding("login", OK, f"{me['username']} at {remote.server_url()}, scopes {scopes}")


def _clusters() -> Iterator[Finding]:
    with remote.server() as api:
        clusters: list[dict[str, Any]] = list(api.items("clusters/"))
    if not clusters:
        yield Finding("clusters", WARN, "none is connected", "plimsoll cluster add --help")
    for each in clusters:
        good = each["state"] in ("Connected", "Syncing")
        mend = "" if good else f"plimsoll cluster test {each['name']}"
        yield Finding(f"cluster {each['name']}", OK if good else FAIL, each["message"] or each["state"], mend)


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (_python, _state, _server, _login, _clusters)
