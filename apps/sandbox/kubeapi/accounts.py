"""Who a bearer token is: tokens given to the server, and the tokens it issues to ServiceAccounts.

Issued tokens are JWTs signed with HMAC-SHA256 under a key of this cluster; the real server signs with RSA,
which no client looks at. A token dies with its ServiceAccount and at its expiry.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from apps.sandbox.kubeapi.builtin import SERVICEACCOUNTS
from apps.sandbox.kubeapi.errors import Unauthorized
from apps.sandbox.kubeapi.request import ANONYMOUS, User
from apps.sandbox.kubeapi.store import Store

ISSUER = "https://kubernetes.default.svc.cluster.local"
SHORTEST_SECONDS = 600


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def account_user(namespace: str, *, name: str, uid: str = "") -> User:
    """The user that a ServiceAccount is."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return User(name=f"system:serviceaccount:{namespace}:{name}", groups=groups, uid=uid)


class Accounts:
    """Reads and issues tokens for one cluster. `tokens` maps a bearer token to its user.

    With a `key` (32 bytes) issued tokens outlive a restart; without one, a key is made.
    """

    def __init__(self, store: Store, *, tokens: Mapping[str, User], key: bytes | None = None) -> None:
        self._store = store
        self._tokens = dict(tokens)
        self._key = key or secrets.token_bytes(32)

    def user_of(self, authorization: str) -> User:
        """The user of an Authorization header; no header is the anonymous user. Raises Unauthorized."""
        scheme, _, token = authorization.partition(" ")
        if not authorization:
            return ANONYMOUS
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized
        user = self.user_of_token(token.strip())
        if user is None:
            raise Unauthorized
        return user

    def user_of_token(self, token: str) -> User | None:
        """The user of a token, or None when it is unknown, expired or its account is gone."""
        for known, user in self._tokens.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                groups = user.groups
                return User(
                    name=user.name,
                    groups=groups if "system:authenticated" in groups else (*groups, "system:authenticated"),
                    uid=user.uid,
                )
        return self._issued(token)

    def _issued(self, token: str) -> User | None:
        signed, _, signature = token.rpartition(".")
        if signed.count(".") != 1 or not hmac.compare_digest(self._sign(signed), signature):
            return None
        claims: dict[str, Any] = json.loads(_unb64(signed.partition(".")[2]))
        if claims["exp"] <= self._store.now().timestamp():
            return None
        about = claims["kubernetes.io"]
        namespace, account = about["namespace"], about["serviceaccount"]
        live = self._store.find(SERVICEACCOUNTS, namespace=namespace, name=account["name"])
        if live is None or live["metadata"]["uid"] != account["uid"]:
            return None
        return account_user(namespace, name=account["name"], uid=account["uid"])

    def issue(self, namespace: str, *, name: str, seconds: int, audiences: list[str]) -> tuple[str, int]:
        """A token for a ServiceAccount and its expiry in Unix seconds. Raises NotFound."""
        account = self._store.get(SERVICEACCOUNTS, namespace=namespace, name=name)
        issued = int(self._store.now().timestamp())
        claims = {
            "aud": audiences or [ISSUER],
            "exp": issued + seconds,
            "iat": issued,
            "iss": ISSUER,
            "jti": self._store.new_uid(),
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": {"name": name, "uid": account["metadata"]["uid"]},
            },
            "nbf": issued,
            "sub": f"system:serviceaccount:{namespace}:{name}",
        }
        header = {"alg": "HS256", "kid": "sandbox"}
        signed = ".".join(_b64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        return f"{signed}.{self._sign(signed)}", issued + seconds

    def _sign(self, signed: str) -> str:
        return _b64(hmac.new(self._key, signed.encode(), hashlib.sha256).digest())
