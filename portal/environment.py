"""Reads the environment, once, and refuses nonsense."""

from __future__ import annotations

import os
import secrets
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
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


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
