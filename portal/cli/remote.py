"""Which server the remote verbs talk to, and as whom.

The address: PLIMSOLL_URL, else the one of the last `plimsoll login`, else this machine's own: at PLIMSOLL_PORT, else
where the `plimsoll up` of the state folder said that it serves. The token: PLIMSOLL_TOKEN, else the one that
`plimsoll login` kept for that address.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.kernel.errors import InvalidInput, Unauthenticated
from portal.environment import env_text

if TYPE_CHECKING:  # httpx takes 0.1 s; `plimsoll --help` does without
    from apps.adapters.plimsoll_api import PlimsollApi

_LOOPBACK = re.compile(r"http://127\.0\.0\.1:\d{1,5}")


def credentials_file() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "plimsoll" / "credentials.json"


def _kept() -> dict[str, Any]:
    """`{"current": url, "tokens": {url: token}}`, empty before the first login."""
    file = credentials_file()
    try:
        found = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as e:
        raise InvalidInput(f"{file} cannot be read: {e}", mend="remove it, then `plimsoll login`") from e
    return found if isinstance(found, dict) else {}


def keep_login(url: str, *, token: str) -> Path:
    """Writes the token, readable by its owner alone, in one step, so that no half file is ever there."""
    kept = _kept()
    body = {"current": url, "tokens": {**kept.get("tokens", {}), url: token}}
    file = credentials_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump(body, out)
    fresh.replace(file)
    return file


def forget_login(url: str) -> bool:
    """Whether there was one."""
    kept = _kept()
    tokens = dict(kept.get("tokens", {}))
    found = tokens.pop(url, None) is not None
    if found:
        keep = {"current": "" if kept.get("current") == url else kept.get("current", ""), "tokens": tokens}
        credentials_file().write_text(json.dumps(keep))
    return found


def server_url() -> str:
    given = os.environ.get("PLIMSOLL_URL") or _kept().get("current")
    return str(given or _this_machine()).rstrip("/")


def _this_machine() -> str:
    """A port that only `make run` was told of is found too: the state folder names it. Only loopback is believed there,
    for the working directory may be anybody's, and the token goes to this address."""
    port = os.environ.get("PLIMSOLL_PORT")
    file = Path(os.environ.get("PLIMSOLL_HOME") or ".plimsoll") / "url"
    try:
        served = "" if port else file.read_text().strip()
    except (OSError, ValueError):
        served = ""
    return served if _LOOPBACK.fullmatch(served) else f"http://127.0.0.1:{port or 8000}"


def connect(*, url: str | None = None, anonymous: bool = False) -> PlimsollApi:
    """The API of the server; Unauthenticated, with the mend, when no token is at hand."""
    address = url or server_url()
    token = "" if anonymous else env_text("PLIMSOLL_TOKEN") or _kept().get("tokens", {}).get(address, "")
    if not token and not anonymous:
        raise Unauthenticated(
            f"no token for {address}",
            field="PLIMSOLL_TOKEN",
            mend="run `plimsoll login`, or set PLIMSOLL_TOKEN to the output of `plimsoll token create`",
        )
    from apps.adapters.plimsoll_api import PlimsollApi

    ca_file = os.environ.get("PLIMSOLL_CA_FILE")
    ca_pem = Path(ca_file).read_text() if ca_file else ""
    return PlimsollApi(address, token=token, ca_pem=ca_pem, language=_language())


@contextmanager
def server() -> Iterator[PlimsollApi]:
    """`connect`, closed at the end."""
    api = connect()
    try:
        yield api
    finally:
        api.close()


def _language() -> str:
    """Messages come in the language of LANG: zh_CN.UTF-8 -> zh-hans, anything else -> en."""
    lang = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh-hans" if lang.lower().startswith("zh") else "en"
