"""`plimsoll sleep`, `wake` and `why`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.kernel.errors import InvalidInput, NotFound, PlimsollError
from apps.kernel.units import parse_duration
from portal.cli import resources
from portal.cli.get import Cluster, Namespace
from portal.cli.objects import DryRun
from portal.cli.output import Column, Format, Output, emit_list, emit_object, note
from portal.cli.remote import server
from portal.cli.waiting import waited

if TYPE_CHECKING:
    from apps.adapters.plimsoll_api import PlimsollApi

Targets = Annotated[list[str], typer.Argument(metavar="KIND/NAME...", help="Which workloads, such as deployment/web.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the record.")]
Wait = Annotated[
    str | None, typer.Option("--wait", help="Wait until it is done, at most so long: 60s.", metavar="DURATION")
]

DONE = (
    Column("CLUSTER", "cluster"),
    Column("NAMESPACE", "namespace"),
    Column("KIND", "kind"),
    Column("NAME", "name"),
    Column("VERDICT", "verdict"),
    Column("REASON", "reason"),
    Column("STATE", "state"),
    Column("ACTION", "action"),
)


def sleep(
    targets: Targets,
    namespace: Namespace = None,
    cluster: Cluster = None,
    reason: Reason = "by the command line",
    until: Annotated[str | None, typer.Option("--until", help="Wake again then: a duration (8h) or a moment.")] = None,
    wait: Wait = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Put workloads to sleep now.

    Examples:

      plimsoll sleep deployment/web --namespace shop --cluster dev

      plimsoll sleep deploy/web statefulset/db -n shop -c dev --until 8h --reason "demo is over"
    """
    body = {"until": until} if until else {}
    _power("sleep", targets, cluster, namespace, {**body, "reason": reason, "dry_run": dry_run}, wait, output)


def wake(
    targets: Targets,
    namespace: Namespace = None,
    cluster: Cluster = None,
    reason: Reason = "by the command line",
    wait: Wait = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Wake workloads now, with the replicas they had.

    Examples:

      plimsoll wake deployment/web --namespace shop --cluster dev

      plimsoll wake deploy/web -n shop -c dev --wait 60s
    """
    _power("wake", targets, cluster, namespace, {"reason": reason, "dry_run": dry_run}, wait, output)


def _power(
    verb: str,
    targets: list[str],
    cluster: str | None,
    namespace: str | None,
    body: dict[str, Any],
    wait: str | None,
    output: Format,
) -> None:
    seconds = parse_duration(wait, field="--wait").total_seconds() if wait else 0.0
    workloads = resources.find("workloads")
    with server() as api:
        found = [
            resources.one(api, workloads, _target(t), {"cluster": cluster, "namespace": namespace}) for t in targets
        ]
        answer = api.post(f"workloads/{verb}/", body={**body, "items": [{"id": item["id"]} for item in found]})
        items = answer.get("items", [])
        if seconds and not body["dry_run"]:
            items = [waited(api, item, seconds=seconds) for item in items]
    emit_list(items, columns=DONE, output=output, empty="nothing was done")
    refused = [item for item in items if item.get("verdict") == "Refuse" or item.get("state") == "Failed"]
    for item in refused:
        note(f"{item.get('kind')}/{item.get('name')}: {item.get('message')}")
    if refused:
        raise typer.Exit(1)


def _target(text: str) -> str:
    if resources.is_uuid(text) or "/" in text:
        return text
    raise InvalidInput(f"{text!r} names no kind", field="KIND/NAME", mend=f"write deployment/{text}")


def why(
    target: Annotated[str, typer.Argument(metavar="KIND/NAME", help="Which workload, such as deployment/web.")],
    namespace: Namespace = None,
    cluster: Cluster = None,
    output: Output = Format.TABLE,
) -> None:
    """Say why a workload is in the state it is in: the last decision, what was compared, and what was refused.

    Examples:

      plimsoll why deployment/web --namespace shop --cluster dev

      plimsoll why deploy/web -n shop -c dev -o json
    """
    with server() as api:
        decision = _last_decision(api, _target(target), {"cluster": cluster, "namespace": namespace})
    if output is Format.TABLE:
        _tell(decision)
    else:
        emit_object(decision, output=output)


def _last_decision(api: PlimsollApi, target: str, where: dict[str, str | None]) -> dict[str, Any]:
    """Of the workload, or, when that is gone, of what was called so."""
    try:
        workload = resources.one(api, resources.find("workloads"), target, where)
    except NotFound as missing:
        return _of_the_gone(api, target, where, missing)
    return api.get(f"workloads/{workload['id']}/why/")


def _of_the_gone(api: PlimsollApi, target: str, where: dict[str, str | None], missing: PlimsollError) -> dict[str, Any]:
    kind, _, name = target.partition("/")
    params = {**where, "kind": resources.kind_name(kind), "name": name, "per_page": "1"}
    for item in api.get("decisions/", params={key: value for key, value in params.items() if value})["items"]:
        return api.get(f"decisions/{item['id']}/")
    raise missing


def _tell(decision: dict[str, Any]) -> None:
    """The newest decision; and when that only waits, the last one that acted, for it holds what was compared."""
    typer.echo(f"{decision['kind']}/{decision['name']} in {decision['namespace']} on {decision['cluster']}")
    _tell_one(decision)
    acted = next((each for each in decision.get("history", []) if each["verdict"] == "Act"), None)
    if acted is not None and not decision["evidence"]:
        typer.echo("Before that:")
        _tell_one(acted)


def _tell_one(decision: dict[str, Any]) -> None:
    typer.echo(f"  {decision['verdict']}: {decision['reason']}")
    typer.echo(f"  {decision['message']}")
    typer.echo(f"  decided {decision['time']}, state {decision['state']}, id {decision['id']}")
    if decision.get("policy"):
        typer.echo(f"  policy {decision['policy']}")
    if decision.get("action"):
        typer.echo(f"  action {decision['action']}")
    for heading, key, line in (("Compared", "evidence", _evidence), ("Refused instead", "alternatives", _alternative)):
        if decision.get(key):
            typer.echo(f"{heading}:")
            for each in decision[key]:
                typer.echo(f"  {line(each)}")


def _evidence(each: dict[str, Any]) -> str:
    value = f"{each['value']} {each['unit'] or ''}".strip()
    against = f", threshold {each['threshold']} {each['unit'] or ''}".rstrip() if each["threshold"] is not None else ""
    source = f"  [{each['source']}]" if each["source"] else ""
    return f"{each['name']}: {value}{against}{source}"


def _alternative(each: dict[str, Any]) -> str:
    return f"{each['name']}: {each['reason']}. {each['message']}"
