"""`plimsoll uninstall`: leaves a cluster as it was found."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from apps.kernel.errors import InvalidInput
from portal.cli import resources
from portal.cli.objects import DryRun
from portal.cli.output import Format, Output, emit_object, note
from portal.cli.remote import server


def uninstall(
    cluster: Annotated[list[str] | None, typer.Option("--cluster", "-c", help="Which; default every one.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Wake everything that Plimsoll put to sleep, then remove its policies, CRDs, roles and account.

    Nothing is removed from a cluster while a workload there still sleeps.

    Examples:

      plimsoll uninstall --cluster dev --dry-run

      plimsoll uninstall --cluster dev --yes
    """
    with server() as api:
        found = resources.find("clusters")
        clusters = [resources.one(api, found, name, {}) for name in cluster or []] or list(api.items("clusters/"))
        if not clusters:
            note("no cluster is connected")
            return
        names = ", ".join(str(each["name"]) for each in clusters)
        if not (yes or dry_run) and not typer.confirm(f"Wake everything and remove Plimsoll from {names}?"):
            raise InvalidInput("not confirmed", field="--yes", mend="answer y, or give --yes")
        reports = [_one(api, each, dry_run=dry_run, quiet=output is not Format.TABLE) for each in clusters]
    if output is not Format.TABLE:
        emit_object({"items": reports}, output=output)
    if not all(report["ok"] for report in reports):
        raise typer.Exit(1)


def _one(api: Any, cluster: dict[str, Any], *, dry_run: bool, quiet: bool) -> dict[str, Any]:
    report: dict[str, Any] = api.post(f"clusters/{cluster['id']}/uninstall/", body={"dry_run": dry_run})
    report = {"cluster": cluster["name"], **report}
    if not quiet:
        would = "would be " if dry_run else ""
        for key in ("woken", "removed", "left"):
            for each in report.get(key, []):
                typer.echo(f"{cluster['name']}: {each} {would if key != 'left' else ''}{key}")
    return report
