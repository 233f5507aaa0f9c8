"""`plimsoll login` and `plimsoll logout`."""

from __future__ import annotations

import platform
import sys
from typing import Annotated

import typer

from apps.kernel.errors import InvalidInput
from portal.cli import remote
from portal.environment import env_text


def login(
    url: Annotated[str | None, typer.Option(help="The server; default PLIMSOLL_URL, else this machine's own.")] = None,
    username: Annotated[str | None, typer.Option("--username", "-u", help="Asked for when it is missing.")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
    with_token: Annotated[bool, typer.Option("--with-token", help="Keep a token, read from stdin, instead.")] = False,
) -> None:
    """Log in, and keep a token of 30 days for the commands to come, in a file that only you can read.

    Examples:

      plimsoll login

      plimsoll login --url https://plimsoll.example.com --username ada --password-stdin < password-file
    """
    address = (url or remote.server_url()).rstrip("/")
    if with_token:
        token = sys.stdin.readline().strip()
        if not token:
            raise InvalidInput("stdin holds no token", field="--with-token", mend="pipe the token into the command")
    else:
        token = _exchange(address, username or typer.prompt("User name"), _password(stdin=password_stdin))
    file = remote.keep_login(address, token=token)
    api = remote.connect(url=address) if not env_text("PLIMSOLL_TOKEN") else None
    if api is not None:
        try:
            who = api.get("me/")["username"]
        except Exception:
            remote.forget_login(address)
            raise
        finally:
            api.close()
        typer.echo(f"logged in to {address} as {who}; the token is kept in {file}")
    else:
        typer.echo(f"the token is kept in {file}, but PLIMSOLL_TOKEN goes before it")


def _password(*, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True))


def _exchange(address: str, username: str, password: str) -> str:
    api = remote.connect(url=address, anonymous=True)
    try:
        body = {"username": username, "password": password, "name": f"command line on {platform.node()}"[:80]}
        return str(api.post("login/", body=body)["token"])
    finally:
        api.close()


def logout(
    url: Annotated[str | None, typer.Option(help="The server; default the one of the last login.")] = None,
) -> None:
    """Forget the kept token. `plimsoll token revoke` ends it on the server too."""
    address = (url or remote.server_url()).rstrip("/")
    typer.echo(f"logged out of {address}" if remote.forget_login(address) else f"there was no login to {address}")
