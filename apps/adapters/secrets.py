"""Credentials of clusters and metrics sources, encrypted at rest with Fernet (AES-128-CBC and HMAC-SHA256).

Sealed text is `v1:<key id>:<Fernet token>`. The newest key seals; every known key opens, so that a key is changed by
putting a new one in front, re-sealing, and taking the old one out. The key id tells which key is missing.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from apps.kernel.errors import InvalidInput

ENVIRONMENT = "PLIMSOLL_CREDENTIAL_KEY"
FILE_NAME = "credential-keys"
MAKE_ONE = "make one: openssl rand -base64 32 | tr '+/' '-_'"


class FernetBox:
    """Implements `kernel.ports.SecretBox`. `keys` are Fernet keys, the newest first; at least one."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernets = {key_id(key): _fernet(key) for key in keys}
        self._newest = key_id(keys[0])

    def seal(self, plain: str) -> str:
        token = self._fernets[self._newest].encrypt(plain.encode()).decode()
        return f"v1:{self._newest}:{token}"

    def open(self, sealed: str) -> str:
        version, _, rest = sealed.partition(":")
        known, _, token = rest.partition(":")
        if version != "v1" or not token:
            raise InvalidInput("it is no sealed text of this version", field="credentials", mend="enter them again")
        fernet = self._fernets.get(known)
        if fernet is None:
            raise InvalidInput(
                f"the key {known} that sealed the credentials is not at hand",
                field=ENVIRONMENT,
                mend=f"add that key to {ENVIRONMENT} or to the file {FILE_NAME}, or enter the credentials again",
            )
        try:
            return fernet.decrypt(token.encode()).decode()
        except InvalidToken as e:
            raise InvalidInput("the sealed text was altered", field="credentials", mend="enter them again") from e

    def is_stale(self, sealed: str) -> bool:
        """Whether an older key sealed it: then `seal(open(...))` moves it to the newest."""
        return not sealed.startswith(f"v1:{self._newest}:")


def secret_box() -> FernetBox:
    """The box of this installation: keys of PLIMSOLL_CREDENTIAL_KEY (several by comma, newest first), then those of the
    file in PLIMSOLL_HOME, one a line, which is made at first start when there is no key at all."""
    given = [key.strip() for key in settings.PLIMSOLL_CREDENTIAL_KEY.split(",") if key.strip()]
    return FernetBox(given + _kept_keys(settings.PLIMSOLL_HOME / FILE_NAME, make=not given))


def key_id(key: str) -> str:
    """Eight hex digits that name a key and do not tell it."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError as e:
        raise InvalidInput("a key is not 32 bytes in URL-safe base64", field=ENVIRONMENT, mend=MAKE_ONE) from e


def _kept_keys(file: Path, *, make: bool) -> list[str]:
    if make and not file.exists():
        _write_new(file, Fernet.generate_key().decode())
    try:
        mode = file.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise InvalidInput(f"others may read {file}", field=FILE_NAME, mend=f"chmod 600 {file}")
        return file.read_text().split()
    except FileNotFoundError:
        return []


def _write_new(file: Path, key: str) -> None:
    """Makes the file whole or not at all; when another process was faster, its key stands."""
    fd, name = tempfile.mkstemp(dir=file.parent, prefix=f".{FILE_NAME}")  # mkstemp makes it 0600
    try:
        with os.fdopen(fd, "w") as out:
            out.write(f"{key}\n")
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            os.link(name, file)
    finally:
        os.unlink(name)
