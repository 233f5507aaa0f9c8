"""`plimsoll apply`, `plimsoll delete`, `plimsoll policy preview`: what is written in manifests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.kernel.errors import InvalidInput
from apps.kernel.units import parse_duration
from portal.cli import resources
from portal.cli.get import Namespace
from portal.cli.output import Column, Format, Output, emit_list, emit_object, note
from portal.cli.remote import server
from portal.cli.waiting import waited

if TYPE_CHECKING:
    from apps.adapters.plimsoll_api import PlimsollApi

File = Annotated[str, typer.Option("--filename", "-f", help="A YAML or JSON file of manifests; - reads stdin.")]
Into = Annotated[str | None, typer.Option("--cluster", "-c", help="Which cluster; not needed when there is one only.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Judge it, and change nothing.")]

KINDS = ("ResourcePolicy", "ClusterResourcePolicy")
Wait = Annotated[
    str, typer.Option("--wait", help="Wait until it is done, at most so long; 0s does not wait.", metavar="DURATION")
]
APPLIED = (
    Column("CLUSTER", "cluster"),
    Column("KIND", "kind"),
    Column("NAMESPACE", "namespace"),
    Column("NAME", "name"),
    Column("RESULT", "result"),
    Column("STATE", "state"),
    Column("APPROVAL", "approval"),
)


def manifests(filename: str) -> list[dict[str, Any]]:
    """Every document of the file, each a policy; InvalidInput names the line of broken YAML."""
    import yaml

    try:
        text = sys.stdin.read() if filename == "-" else Path(filename).read_text()
    except (OSError, UnicodeDecodeError) as e:
        raise InvalidInput(f"{filename} cannot be read: {e}", field="--filename", mend="name a text file") from e
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as e:
        raise InvalidInput(f"{filename} is not YAML: {e}", field="--filename", mend="mend the line it names") from e
    if not documents:
        raise InvalidInput(f"{filename} holds no manifest", field="--filename", mend="write at least one policy")
    for index, document in enumerate(documents):
        _check(document, where=f"document {index + 1} of {filename}")
    return documents


def _check(document: Any, *, where: str) -> None:
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind not in KINDS:
        raise InvalidInput(f"{where} is no policy: {kind!r}", field="kind", mend="one of " + ", ".join(KINDS))
    if not (document.get("metadata") or {}).get("name"):
        raise InvalidInput(f"{where} has no name", field="metadata.name", mend="give it one")


def only_cluster(api: PlimsollApi, given: str | None) -> str:
    """The cluster that was named, or the only one there is."""
    if given:
        return given
    names = [str(item["name"]) for item in api.items("clusters/")]
    if len(names) != 1:
        raise InvalidInput(
            f"there are {len(names)} clusters",
            field="--cluster",
            mend="name one: " + (", ".join(names) or "add one first"),
        )
    return names[0]


def apply(
    filename: File,
    cluster: Into = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the record.")] = "by the command line",
    wait: Wait = "60s",
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Write policies into a cluster, by server-side apply. Where it is sensitive it waits for approval.

    Examples:

      plimsoll apply -f night.yaml --cluster dev

      plimsoll apply -f night.yaml --cluster dev --dry-run -o yaml
    """
    documents = manifests(filename)
    seconds = parse_duration(wait, field="--wait").total_seconds()
    with server() as api:
        into = only_cluster(api, cluster)
        done = []
        for document in documents:
            body = {"cluster": into, "manifest": document, "reason": reason, "dry_run": dry_run}
            done.append(_settled(api, api.post("policies/", body=body), seconds=seconds))
    emit_list(done, columns=APPLIED, output=output, empty="nothing was applied")
    _judge(done)


def _settled(api: PlimsollApi, item: dict[str, Any], *, seconds: float) -> dict[str, Any]:
    return waited(api, item, seconds=seconds) if seconds else item


def _judge(items: list[dict[str, Any]]) -> None:
    """Says what waits for people; exits with 1 when something failed."""
    for item in items:
        if item.get("state") == "WaitingApproval":
            note(f"{item['kind']}/{item['name']} waits for approval {item['approval']}: see `plimsoll get approvals`")
    failed = [item for item in items if item.get("state") in ("Failed", "Refused")]
    for item in failed:
        note(f"error: {item['kind']}/{item['name']}: {item['state']}: {item.get('outcome')}")
    if failed:
        raise typer.Exit(1)


def preview(
    filename: File,
    cluster: Into = None,
    output: Output = Format.TABLE,
) -> None:
    """Show which workloads a policy would touch now, why the others not, and what it would save. Changes nothing.

    Examples:

      plimsoll policy preview -f night.yaml --cluster dev

      cat night.yaml | plimsoll policy preview -f - --cluster dev -o json
    """
    documents = manifests(filename)
    if len(documents) != 1:
        raise InvalidInput(f"{len(documents)} manifests", field="--filename", mend="preview one policy at a time")
    with server() as api:
        body = {"cluster": only_cluster(api, cluster), "manifest": documents[0]}
        found = api.post("policies/preview/", body=body)
    if output is not Format.TABLE:
        emit_object(found, output=output)
        return
    columns = resources.find("decisions").columns[2:7]
    emit_list(found.get("items", []), columns=columns, output=output, empty="it selects no workload")
    note(str(found.get("summary", "")))


def delete(
    resource: Annotated[str | None, typer.Argument(help="policy, cluster or token.")] = None,
    name: Annotated[str | None, typer.Argument(help="Its name, KIND/NAME, or id.")] = None,
    filename: Annotated[str | None, typer.Option("--filename", "-f", help="Delete the policies of this file.")] = None,
    cluster: Into = None,
    namespace: Namespace = None,
    wait: Wait = "60s",
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Delete a policy (what it put to sleep wakes), forget a cluster, or end a token.

    Examples:

      plimsoll delete policy night -n shop -c dev

      plimsoll delete -f night.yaml -c dev

      plimsoll delete token 0190c1b2-7b1c-7c3c-bf14-1cc4cb9b46ca
    """
    seconds = parse_duration(wait, field="--wait").total_seconds()
    with server() as api:
        if filename is not None:
            into = only_cluster(api, cluster)
            found = resources.find("policies")
            items = [_of_manifest(api, found, document, into) for document in manifests(filename)]
        elif resource is not None and name is not None:
            found = resources.find(resource)
            items = [resources.one(api, found, name, {"cluster": cluster, "namespace": namespace})]
        else:
            raise InvalidInput("nothing to delete was named", field="RESOURCE", mend="give RESOURCE NAME, or -f FILE")
        if found.path not in ("policies", "clusters", "tokens"):
            raise InvalidInput(f"{found.path} cannot be deleted", field="RESOURCE", mend="policy, cluster or token")
        done = [{**item, "result": "DryRun", "state": ""} for item in items]
        if not dry_run:
            answers = [api.delete(f"{found.path}/{item['id']}/") for item in items]
            fresh = [
                {**item, "result": "Deleted", "state": "", **answer}
                for item, answer in zip(items, answers, strict=True)
            ]
            done = [_settled(api, item, seconds=seconds) for item in fresh]
    emit_list(done, columns=APPLIED, output=output, empty="nothing was deleted")
    _judge(done)


def _of_manifest(api: PlimsollApi, found: resources.Resource, document: dict[str, Any], cluster: str) -> dict[str, Any]:
    metadata = document["metadata"]
    given = {"cluster": cluster, "namespace": metadata.get("namespace"), "kind": document["kind"]}
    return resources.one(api, found, metadata["name"], given)
