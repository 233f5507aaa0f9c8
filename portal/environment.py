"""Reads the environment, once, and refuses nonsense."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from apps.kernel.errors import InvalidInput

_BOOLS = {"": False, "0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}


def env_text(name: str, default: str = "") -> str:
    """The variable `name`, or the content of the file that `name_FILE` names, so that secrets can be mounted."""
    file = os.environ.get(f"{name}_FILE")
    if file:
        try:
            return Path(file).read_text().strip()
        except OSError as e:
            raise InvalidInput(f"cannot be read: {e}", field=f"{name}_FILE", mend="name a readable file") from e
    return os.environ.get(name, default)


def env_bool(name: str, *, default: bool) -> bool:
    raw = os.environ.get(name)
    if raw is None:
        return default
    try:
        return _BOOLS[raw.strip().lower()]
    except KeyError:
        raise InvalidInput(f"{raw!r} is neither true nor false", field=name, mend="write 1 or 0") from None


def env_int(name: str, *, default: int) -> int:
    raw = os.environ.get(name, "")
    try:
        return int(raw) if raw else default
    except ValueError:
        raise InvalidInput(f"{raw!r} is not a whole number", field=name, mend="write a number") from None


def env_list(name: str, *, default: list[str]) -> list[str]:
    raw = env_text(name)
    return [part.strip() for part in raw.split(",") if part.strip()] if raw else default


def home() -> Path:
    """Where local state lives: PLIMSOLL_HOME, default .plimsoll/ in the working directory. Made with mode 0700."""
    path = Path(os.environ.get("PLIMSOLL_HOME") or ".plimsoll").absolute()
    mend = "name a folder that this user may write"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as e:
        raise InvalidInput(f"{path} cannot be made: {e.strerror or e}", field="PLIMSOLL_HOME", mend=mend) from e
    if not os.access(path, os.W_OK | os.X_OK):
        raise InvalidInput(f"{path} cannot be written", field="PLIMSOLL_HOME", mend=mend)
    return path


_LONGEST_SOCKET_PATH = 100
"""Bytes. sun_path holds 108 on Linux and 104 on macOS, with the ending zero."""


def broker_socket(folder: Path) -> Path:
    """The embedded broker's Unix socket for the state in `folder`.

    It lies in `folder`; where that path is too long for a socket, in a private folder of the temporary directory whose
    name is made from the path, so that every process of one home finds the same one.
    """
    inside = folder / "valkey.sock"
    if len(os.fsencode(inside)) <= _LONGEST_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    private = Path(tempfile.gettempdir()) / f"plimsoll-{os.getuid()}-{digest}"
    private.mkdir(mode=0o700, exist_ok=True)
    if private.stat().st_uid != os.getuid():
        raise InvalidInput(f"{private} belongs to another user", field="TMPDIR", mend="set TMPDIR to a private folder")
    return private / "valkey.sock"


def kept_secret(name: str, *, file: Path) -> str:
    """The variable `name`, or a random secret kept in `file` (mode 0600), made at first start."""
    given = env_text(name)
    if given:
        return given
    try:
        fd = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    value = secrets.token_urlsafe(48)
    with os.fdopen(fd, "w") as f:
        f.write(value)
    return value
