"""`plimsoll approve`, `reject` and `undo`: what people answer."""

from __future__ import annotations

from typing import Annotated

import typer

from apps.kernel.units import parse_duration
from portal.cli.output import Format, Output, emit_list
from portal.cli.remote import server
from portal.cli.resources import check_id, find
from portal.cli.waiting import waited

Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the record.")]
ApprovalId = Annotated[str, typer.Argument(help="The approval's id, from `plimsoll get approvals`.")]


def approve(approval: ApprovalId, reason: Why, output: Output = Format.TABLE) -> None:
    """Agree to a sensitive action. Whoever asked for it cannot.

    Example:

      plimsoll approve 0190c1b2-7b1c-7c3c-bf14-1cc4cb9b46ca --reason "agreed in the stand-up"
    """
    _vote(approval, "approve", reason, output)


def reject(approval: ApprovalId, reason: Why, output: Output = Format.TABLE) -> None:
    """Refuse a sensitive action; one rejection ends the request.

    Example:

      plimsoll reject 0190c1b2-7b1c-7c3c-bf14-1cc4cb9b46ca --reason "release today"
    """
    _vote(approval, "reject", reason, output)


def _vote(approval: str, verb: str, reason: str, output: Format) -> None:
    check_id(approval, field="APPROVAL", listed_in="approvals")
    with server() as api:
        answer = api.post(f"approvals/{approval}/{verb}/", body={"reason": reason})
    emit_list([answer], columns=find("approvals").columns, output=output, empty="")


def undo(
    action: Annotated[str, typer.Argument(help="The action's id, from `plimsoll get actions`.")],
    reason: Why = "by the command line",
    wait: Annotated[
        str, typer.Option("--wait", help="Wait until it is done, at most so long.", metavar="DURATION")
    ] = "0s",
    output: Output = Format.TABLE,
) -> None:
    """Take a finished action back: what slept wakes, what was written is as it was.

    Example:

      plimsoll undo 0190c1b2-7b1c-7c3c-bf14-1cc4cb9b46ca --reason "it was needed after all"
    """
    seconds = parse_duration(wait, field="--wait").total_seconds()
    check_id(action, field="ACTION", listed_in="actions")
    with server() as api:
        answer = api.post(f"actions/{action}/undo/", body={"reason": reason})
        if seconds:
            answer = waited(api, {**answer, "action": answer["id"]}, seconds=seconds) | {"action": answer["action"]}
    emit_list([answer], columns=find("actions").columns, output=output, empty="")
