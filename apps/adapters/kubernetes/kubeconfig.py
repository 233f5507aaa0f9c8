"""Reads a kubeconfig's text, and takes from it only what can do no harm.

A kubeconfig is a small program: `exec` and `auth-provider` start commands, and path fields read files, all with the
rights of whoever loads it. Plimsoll loads what its users upload, so these are refused, with the mend. Only the chosen
context is looked at; what other contexts hold is never used and never kept.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from apps.adapters.transport import check_proxy, check_url, is_loopback
from apps.kernel.errors import InvalidInput
from apps.kernel.ports import KubeConnection

MAX_CHARACTERS = 1_000_000

EMBED = "embed the data: kubectl config view --raw --flatten --minify"
ACCOUNT_MEND = "make a service account token and put it in `token`: kubectl create token NAME --duration 8760h"

_PATH_FIELDS = {
    "certificate-authority": EMBED,
    "client-certificate": EMBED,
    "client-key": EMBED,
    "tokenFile": ACCOUNT_MEND,
}
_RUNS_CODE = {"exec": ACCOUNT_MEND, "auth-provider": ACCOUNT_MEND}
_NOT_SUPPORTED = {
    "username": ACCOUNT_MEND,
    "password": ACCOUNT_MEND,
    "as": "take it out and use credentials of the account itself",
    "as-uid": "take it out and use credentials of the account itself",
    "as-groups": "take it out and use credentials of the account itself",
    "as-user-extra": "take it out and use credentials of the account itself",
}

Fields = Mapping[str, Any]


def parse(text: str, *, context: str | None = None) -> KubeConnection:
    """The connection of `context`, or of the current context. Implements `kernel.ports.KubeconfigParser`."""
    config = _load(text)
    name = _context_name(config, context)
    chosen = _named(config, "contexts", name, "context")
    cluster_name = _string(chosen, "cluster", f"contexts[{name}].context.cluster")
    user_name = _string(chosen, "user", f"contexts[{name}].context.user")
    cluster = _named(config, "clusters", cluster_name, "cluster")
    user = _named(config, "users", user_name, "user")
    at_cluster, at_user = f"clusters[{cluster_name}].cluster", f"users[{user_name}].user"
    _refuse(cluster, at_cluster)
    _refuse(user, at_user)
    ca_pem = _certificate(cluster, "certificate-authority-data", at_cluster)
    certificate, key = _client_pair(user, at_user)
    token = _token(user, at_user)
    if not token and not certificate:
        raise InvalidInput("it holds no credentials", field=at_user, mend=ACCOUNT_MEND)
    return KubeConnection(
        server=_server(cluster, f"{at_cluster}.server"),
        token=token,
        ca_pem=ca_pem,
        client_certificate_pem=certificate,
        client_key_pem=key,
        tls_server_name=_optional(cluster, "tls-server-name", at_cluster),
        proxy_url=_proxy(cluster, f"{at_cluster}.proxy-url"),
        namespace=_optional(chosen, "namespace", f"contexts[{name}].context") or "default",
        insecure_skip_tls_verify=_insecure(cluster, at_cluster, ca_pem=ca_pem),
    )


def _load(text: str) -> Fields:
    if len(text) > MAX_CHARACTERS:
        raise InvalidInput(
            "it is over 1 MB, which no kubeconfig is", field="kubeconfig", mend="give one cluster's file"
        )
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as e:
        where = getattr(e, "problem_mark", None)
        line = f" (line {where.line + 1})" if where is not None else ""
        raise InvalidInput(f"it is not YAML{line}", field="kubeconfig", mend="give the file kubectl uses") from e
    if not isinstance(config, dict) or config.get("kind", "Config") != "Config":
        raise InvalidInput("it is not a kubeconfig", field="kubeconfig", mend="give the file kubectl uses")
    return config


def _context_name(config: Fields, context: str | None) -> str:
    names = _names(config, "contexts")
    if context is not None:
        if context not in names:
            raise InvalidInput(f"no context is named {context!r}", field="context", mend=f"one of {', '.join(names)}")
        return context
    current = config.get("current-context")
    if isinstance(current, str) and current:
        return current
    if len(names) == 1:
        return names[0]
    raise InvalidInput("no context is the current one", field="current-context", mend=f"name one of {', '.join(names)}")


def _entries(config: Fields, section: str) -> list[Fields]:
    entries = config.get(section) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidInput("it is not a list of named entries", field=section, mend="give the file kubectl uses")
    return entries


def _names(config: Fields, section: str) -> list[str]:
    """Only texts: behind anything else may stand aliases that make it billions of characters long when written out."""
    return [name for entry in _entries(config, section) if isinstance(name := entry.get("name"), str)]


def _named(config: Fields, section: str, name: str, key: str) -> Fields:
    """The `key` of the entry called `name`; kubectl too takes the first of two."""
    for entry in _entries(config, section):
        if entry.get("name") == name:
            found = entry.get(key)
            if isinstance(found, dict):
                return found
            raise InvalidInput("it is empty", field=f"{section}[{name}].{key}", mend=EMBED)
    known = ", ".join(_names(config, section)) or "none"
    mend = f"{section} of this file: {known}; name one of them, or give the file whole"
    raise InvalidInput(f"no entry is named {name!r}", field=section, mend=mend)


def _refuse(fields: Fields, where: str) -> None:
    for key, mend in _RUNS_CODE.items():
        if fields.get(key) is not None:
            raise InvalidInput("it would run a command on the server", field=f"{where}.{key}", mend=mend)
    for key, mend in _PATH_FIELDS.items():
        if fields.get(key):
            raise InvalidInput("it would read a file on the server", field=f"{where}.{key}", mend=mend)
    for key, mend in _NOT_SUPPORTED.items():
        if fields.get(key):
            raise InvalidInput("it is not supported", field=f"{where}.{key}", mend=mend)


def _string(fields: Fields, key: str, where: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidInput("it is missing", field=where, mend=EMBED)
    return value


def _optional(fields: Fields, key: str, where: str) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInput("it is not text", field=f"{where}.{key}", mend="put it in quotes")
    return value


def _server(cluster: Fields, where: str) -> str:
    url = check_url(_string(cluster, "server", where), field=where)
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise InvalidInput("plain http would show the credentials to the network", field=where, mend="use https")
    return url


def _proxy(cluster: Fields, where: str) -> str:
    value = cluster.get("proxy-url")
    if not value:
        return ""
    return check_proxy(_string(cluster, "proxy-url", where), field=where)


def _insecure(cluster: Fields, where: str, *, ca_pem: str) -> bool:
    value = cluster.get("insecure-skip-tls-verify", False)
    field = f"{where}.insecure-skip-tls-verify"
    if not isinstance(value, bool):
        raise InvalidInput("it is neither true nor false", field=field, mend="write true or false")
    if value and ca_pem:
        raise InvalidInput("it contradicts certificate-authority-data", field=field, mend="take it out")
    return value


def _certificate(fields: Fields, key: str, where: str) -> str:
    """PEM text of a certificate or a bundle of them; "" when the field is absent."""
    pem = _pem(fields, key, where)
    try:
        if pem:
            x509.load_pem_x509_certificates(pem.encode())
    except ValueError as e:
        raise InvalidInput("it holds no certificate", field=f"{where}.{key}", mend=EMBED) from e
    return pem


def _client_pair(user: Fields, where: str) -> tuple[str, str]:
    certificate = _certificate(user, "client-certificate-data", where)
    key = _pem(user, "client-key-data", where)
    if bool(certificate) != bool(key):
        absent = "client-key-data" if certificate else "client-certificate-data"
        raise InvalidInput("a client certificate and its key go together", field=f"{where}.{absent}", mend=EMBED)
    try:
        if key:
            load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError) as e:
        raise InvalidInput(
            "it holds no unencrypted private key", field=f"{where}.client-key-data", mend="take off its passphrase"
        ) from e
    return certificate, key


def _pem(fields: Fields, key: str, where: str) -> str:
    value = _optional(fields, key, where)
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as e:
        raise InvalidInput("it is not base64 of PEM text", field=f"{where}.{key}", mend=EMBED) from e


def _token(user: Fields, where: str) -> str:
    token = _optional(user, "token", where).strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInput("it holds characters no token has", field=f"{where}.token", mend=ACCOUNT_MEND)
    return token
