"""`plimsoll cluster add|list|test|remove`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from apps.kernel.errors import InvalidInput, Unauthenticated
from portal.cli import local, resources
from portal.cli.objects import DryRun
from portal.cli.output import Column, Format, Output, emit_list, emit_object, emit_yaml_documents, note
from portal.cli.remote import server

app = typer.Typer(help="Connect clusters, test their connections, take them away.", no_args_is_help=True)

MISSING = (Column("VERB", "verb"), Column("RESOURCE", "resource"), Column("NEEDED FOR", "why"))


def read_file(path: str | None, *, option: str) -> str:
    """The text of a file; "" when none was named."""
    if not path:
        return ""
    try:
        return Path(path).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as e:
        raise InvalidInput(f"{path} cannot be read: {e}", field=option, mend="name a readable text file") from e


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What to call it: letters, digits and dashes.")],
    kubeconfig: Annotated[
        str | None, typer.Option(help="The kubeconfig file; its text is sent, never its path.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="Which context of it; default its current one.")] = None,
    prometheus: Annotated[str | None, typer.Option(help="The Prometheus whose metrics tell who has traffic.")] = None,
    prometheus_user: Annotated[str, typer.Option(help="Basic login at Prometheus.")] = "",
    prometheus_password_file: Annotated[str | None, typer.Option(help="The password, in a file.")] = None,
    prometheus_token_file: Annotated[str | None, typer.Option(help="A bearer token, in a file.")] = None,
    prometheus_ca: Annotated[str | None, typer.Option(help="The CA of Prometheus, a PEM file.")] = None,
    prometheus_cert: Annotated[str | None, typer.Option(help="A client certificate, a PEM file.")] = None,
    prometheus_key: Annotated[str | None, typer.Option(help="The key of that, a PEM file.")] = None,
    team: Annotated[str | None, typer.Option(help="The team that owns it.")] = None,
    environment: Annotated[str, typer.Option(help="Such as production, which asks for approvals.")] = "",
    region: Annotated[str, typer.Option(help="Where it runs; prices differ.")] = "",
    proxy: Annotated[str, typer.Option(help="An HTTP proxy to reach the API server by.")] = "",
    ca: Annotated[str | None, typer.Option(help="The CA of the API server, a PEM file.")] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Leave the roles that write out: it only watches.")
    ] = False,
    keep_account: Annotated[bool, typer.Option("--keep-account", help="Go on as the kubeconfig's own user.")] = False,
    print_only: Annotated[bool, typer.Option("--print", help="Print what would be applied, and do nothing.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Connect a cluster: apply the CRDs and the least roles it takes, and test the connection.

    Examples:

      plimsoll cluster add dev --kubeconfig dev.yaml --prometheus http://prometheus.example.internal:9090 --team shop

      plimsoll cluster add dev --print | kubectl apply --server-side -f -

      plimsoll cluster add prod --kubeconfig prod.yaml --environment production --read-only
    """
    if print_only:
        emit_yaml_documents(_manifests(read_only=read_only))
        return
    if not kubeconfig:
        raise InvalidInput("no kubeconfig was named", field="--kubeconfig", mend="name the file")
    body: dict[str, Any] = {
        "name": name,
        "kubeconfig": read_file(kubeconfig, option="--kubeconfig"),
        "context": context,
        "team": team,
        "environment": environment,
        "region": region,
        "proxy_url": proxy,
        "ca_pem": read_file(ca, option="--ca"),
        "read_only": read_only,
        "keep_account": keep_account,
    }
    if prometheus:
        body["prometheus"] = {
            "url": prometheus,
            "username": prometheus_user,
            "password": read_file(prometheus_password_file, option="--prometheus-password-file").strip(),
            "token": read_file(prometheus_token_file, option="--prometheus-token-file").strip(),
            "ca_pem": read_file(prometheus_ca, option="--prometheus-ca"),
            "client_certificate_pem": read_file(prometheus_cert, option="--prometheus-cert"),
            "client_key_pem": read_file(prometheus_key, option="--prometheus-key"),
        }
    _connect(body, output)


def _manifests(*, read_only: bool) -> list[Any]:
    """The server's own, for it is the server that will be let in; without a login, those of this installation."""
    try:
        with server() as api:
            return list(api.get("clusters/manifests/", params={"read_only": read_only})["items"])
    except Unauthenticated:
        local.setup(needs_state=False)
        from apps.fleet.services import manifests

        return manifests(read_only=read_only)


def _connect(body: dict[str, Any], output: Format) -> None:
    with server() as api:
        answer = api.post("clusters/", body=body)
    if output is not Format.TABLE:
        emit_object(answer, output=output)
    else:
        for applied in answer["applied"]:
            typer.echo(f"applied {applied}")
        typer.echo(f"connected {body['name']} as {answer['account']}")
    _report(answer["connection"], quiet=output is not Format.TABLE)


@app.command("list")
def list_clusters(output: Output = Format.TABLE) -> None:
    """List the connected clusters; the same as `plimsoll get clusters`."""
    found = resources.find("clusters")
    with server() as api:
        items = list(api.items("clusters/"))
    emit_list(
        items, columns=found.columns, output=output, empty="no cluster is connected; see `plimsoll cluster add --help`"
    )


@app.command("test")
def try_connection(name: Annotated[str, typer.Argument(help="Which cluster.")], output: Output = Format.TABLE) -> None:
    """Try the stored connection now, and name each right that is missing. Exit code 1 when something is.

    Example:

      plimsoll cluster test dev
    """
    with server() as api:
        cluster = resources.one(api, resources.find("clusters"), name, {})
        report = api.post(f"clusters/{cluster['id']}/test/")
    if output is not Format.TABLE:
        emit_object(report, output=output)
    _report(report, quiet=output is not Format.TABLE)


def _report(report: dict[str, Any], *, quiet: bool) -> None:
    """Tells what a connection test found; exits with 1 when something is missing."""
    if not quiet:
        if report["kube_version"]:
            typer.echo(f"API server {report['kube_version']}, as {report['account']}")
        if report["metrics_targets"] is not None and not report["metrics_error"]:
            typer.echo(f"metrics answer, {report['metrics_targets']} targets up")
        if report["missing"]:
            emit_list(report["missing"], columns=MISSING, output=Format.TABLE, empty="")
    if report["error"]:
        mend = f" ({report['mend']})" if report["mend"] else ""
        note(f"error: {report['field'] + ': ' if report['field'] else ''}{report['error']}{mend}")
    if report["metrics_error"]:
        note(f"error: metrics: {report['metrics_error']}")
    if not report["ok"]:
        raise typer.Exit(1)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="Which cluster.")],
    dry_run: DryRun = False,
) -> None:
    """Forget a cluster. Nothing on it is touched: run `plimsoll uninstall` first to wake what sleeps there.

    Example:

      plimsoll cluster remove dev
    """
    with server() as api:
        cluster = resources.one(api, resources.find("clusters"), name, {})
        if not dry_run:
            api.delete(f"clusters/{cluster['id']}/")
    typer.echo(f"{name} {'would be' if dry_run else 'was'} forgotten")
