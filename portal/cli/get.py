"""`plimsoll get` and `plimsoll describe`."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from portal.cli import resources
from portal.cli.output import Format, Output, emit_list, emit_object, note
from portal.cli.remote import server

Cluster = Annotated[str | None, typer.Option("--cluster", "-c", help="Only of this cluster.")]
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", help="Only of this namespace.")]


def get(
    resource: Annotated[str, typer.Argument(help="clusters, workloads, policies, decisions, actions, ...")],
    name: Annotated[str | None, typer.Argument(help="One of them: its name, KIND/NAME, or id.")] = None,
    cluster: Cluster = None,
    namespace: Namespace = None,
    only_name: Annotated[str | None, typer.Option("--name", help="Only of this name.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only of this kind.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Only with this reason, such as NoRoute.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only in this state.")] = None,
    policy: Annotated[str | None, typer.Option("--policy", help="Only of this policy.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="An age (24h, 7d) or a moment in ISO 8601.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="At most so many, the first of the list's order.")
    ] = 1000,
    output: Output = Format.TABLE,
) -> None:
    """List what Plimsoll knows, or show one object.

    Examples:

      plimsoll get clusters

      plimsoll get workloads --cluster dev --state Asleep

      plimsoll get decisions --namespace shop --reason NoRoute --since 24h -o json

      plimsoll get workload deployment/web -n shop -c dev -o yaml
    """
    found = resources.find(resource)
    given = {
        "cluster": cluster,
        "namespace": namespace,
        "name": only_name,
        "kind": resources.kind_name(kind) if kind else None,
        "reason": reason,
        "state": state,
        "policy": policy,
        "since": since,
    }
    with server() as api:
        if name is not None:
            item = resources.one(api, found, name, given)
            if output is Format.TABLE:
                emit_list([item], columns=found.columns, output=output, empty="")
            else:
                emit_object(item, output=output)
            return
        items = list(islice(api.items(f"{found.path}/", params=resources.query(found, given)), limit + 1))
    if len(items) > limit:
        note(f"only the first {limit} are shown; see more with --limit")
    emit_list(items[:limit], columns=found.columns, output=output, empty=_nothing(found, given))


def describe(
    resource: Annotated[str, typer.Argument(help="cluster, workload, policy, decision, action, ...")],
    name: Annotated[str, typer.Argument(help="Its name, KIND/NAME, or id.")],
    cluster: Cluster = None,
    namespace: Namespace = None,
    output: Output = Format.TABLE,
) -> None:
    """Show everything that is known of one object; of a workload also its last decisions.

    Examples:

      plimsoll describe workload deployment/web -n shop -c dev

      plimsoll describe cluster dev
    """
    found = resources.find(resource)
    with server() as api:
        item = dict(resources.one(api, found, name, {"cluster": cluster, "namespace": namespace}))
        if found.path == "workloads":
            about = {name: item[name] for name in ("cluster", "namespace", "kind", "name")}
            item["decisions"] = list(islice(api.items("decisions/", params=about), 10))
        emit_object(item, output=output)


def _nothing(found: resources.Resource, given: dict[str, str | None]) -> str:
    if any(given.values()):
        return f"no {found.path} match"
    hint = "; `plimsoll cluster add NAME --kubeconfig FILE` connects one" if found.path == "clusters" else ""
    return f"there are no {found.path} yet{hint}"
