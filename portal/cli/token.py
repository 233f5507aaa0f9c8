"""`plimsoll token create|list|revoke`."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from apps.kernel.errors import InvalidInput, NotFound
from apps.kernel.units import parse_duration
from portal.cli import local, resources
from portal.cli.output import Format, Output, emit_list
from portal.cli.remote import server

if TYPE_CHECKING:
    from apps.identity.models import User

app = typer.Typer(help="Make, list and end API tokens.", no_args_is_help=True)


class ScopeName(StrEnum):
    """What a token may do at most; each includes the ones before it."""

    READ = "read"
    OPERATE = "operate"
    APPROVE = "approve"
    ADMIN = "admin"


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[ScopeName], typer.Option(help="What it may do at most.")],
    expires_in: Annotated[str | None, typer.Option(help="How long it lasts, such as 90d; default for ever.")] = None,
    user: Annotated[str | None, typer.Option(help="Whose it is; default the first administrator.")] = None,
    service: Annotated[str | None, typer.Option(help="Make it for a service user of this name.")] = None,
) -> None:
    """Make a token and print it, and nothing else. It cannot be shown again.

    On the machine where Plimsoll keeps its state this needs no login; elsewhere it asks the server.

    Examples:

      export PLIMSOLL_TOKEN=$(plimsoll token create --name laptop --scope admin)

      plimsoll token create --name ci --scope read --service ci --expires-in 90d
    """
    lifetime = _lifetime(expires_in)
    scopes = [each.value for each in scope]
    if not name.strip():
        raise InvalidInput("it is empty", field="--name", mend="say what the token is for")
    if local.has_state():
        typer.echo(_on_this_machine(name, scopes, lifetime, user=user, service=service))
        return
    if user:
        raise InvalidInput("a server makes tokens for whoever asks", field="--user", mend="leave it out")
    body = {"name": name, "scopes": scopes, "expires_in": expires_in or "", "service": service or ""}
    with server() as api:
        typer.echo(api.post("tokens/", body=body)["token"])


def _lifetime(text: str | None) -> timedelta | None:
    if text is None:
        return None
    span = parse_duration(text, field="--expires-in")
    if span <= timedelta(0):
        raise InvalidInput("it would have expired already", field="--expires-in", mend="write it like 90d")
    return span


def _on_this_machine(
    name: str, scopes: list[str], lifetime: timedelta | None, *, user: str | None, service: str | None
) -> str:
    local.setup()
    from apps.identity import services

    holder = _service_user(service) if service else _person(user)
    _, plain = services.issue_token(
        user=holder, name=name, scopes=scopes, expires_in=lifetime, actor="command line", request_id=""
    )
    return plain


def _service_user(name: str) -> User:
    from apps.identity import services
    from apps.identity.models import User

    found = User.objects.filter(username=name).first()
    if found is None:
        return services.create_service_user(name=name, actor="command line")
    if not found.is_service:
        raise InvalidInput(f"{name} is a person", field="--service", mend="choose another name, or use --user")
    return found


def _person(name: str | None) -> User:
    """The user of that name; without one the first administrator."""
    from apps.identity.models import User

    users = User.objects.filter(is_active=True).order_by("date_joined")
    found = users.filter(username=name).first() if name else users.filter(is_superuser=True).first()
    if found is None:
        who = f"user {name!r}" if name else "administrator"
        raise NotFound(f"there is no {who}", field="--user", mend="start `plimsoll up` once: it makes the first one")
    return found


@app.command("list")
def list_tokens(output: Output = Format.TABLE) -> None:
    """List your tokens; the same as `plimsoll get tokens`."""
    found = resources.find("tokens")
    with server() as api:
        items = list(api.items("tokens/"))
    emit_list(items, columns=found.columns, output=output, empty="there are no tokens")


@app.command()
def revoke(token: Annotated[str, typer.Argument(help="Its name or id.")]) -> None:
    """End a token now.

    Example:

      plimsoll token revoke laptop
    """
    with server() as api:
        item = resources.one(api, resources.find("tokens"), token, {})
        api.delete(f"tokens/{item['id']}/")
    typer.echo(f"{item['name']} was revoked")
