"""The token controller: a Secret of type `kubernetes.io/service-account-token` gets the token of its account.

Such a token does not expire; it dies with its account or its Secret's account annotation, as on a real server. Here it
carries an expiry a century away. It keeps working when only the Secret is deleted, which a real server would not allow.
"""

from __future__ import annotations

import base64

from apps.sandbox.kubeapi.accounts import Accounts
from apps.sandbox.kubeapi.builtin import SECRETS, SERVICEACCOUNTS
from apps.sandbox.kubeapi.errors import Obj
from apps.sandbox.kubeapi.resources import Resource
from apps.sandbox.kubeapi.store import Store, WriteOptions

TYPE = "kubernetes.io/service-account-token"
ACCOUNT = "kubernetes.io/service-account.name"
ACCOUNT_UID = "kubernetes.io/service-account.uid"
LIFE_SECONDS = 100 * 365 * 86_400
_CONTROLLER = WriteOptions(manager="kube-controller-manager")


class TokenSecrets:
    """Fills token Secrets of one store; subscribes to it."""

    def __init__(self, store: Store, *, accounts: Accounts, ca_pem: str = "") -> None:
        self._store, self._accounts, self._ca_pem = store, accounts, ca_pem
        store.subscribe(self._on_change)

    def _on_change(self, event: str, resource: Resource, obj: Obj, old: Obj | None) -> None:
        if event == "DELETED" or resource.key not in (SECRETS.key, SERVICEACCOUNTS.key):
            return
        if resource.key == SECRETS.key:
            self._fill(obj)
            return
        for secret in list(self._store.items(SECRETS, namespace=obj["metadata"]["namespace"])):
            self._fill(secret)

    def _fill(self, secret: Obj) -> None:
        metadata = secret["metadata"]
        name = (metadata.get("annotations") or {}).get(ACCOUNT)
        if secret.get("type") != TYPE or not name or (secret.get("data") or {}).get("token"):
            return
        namespace = metadata["namespace"]
        account = self._store.find(SERVICEACCOUNTS, namespace=namespace, name=name)
        if account is None:
            return
        token, _ = self._accounts.issue(namespace, name=name, seconds=LIFE_SECONDS, audiences=[])
        data = {"token": token, "namespace": namespace, "ca.crt": self._ca_pem}
        filled = {
            **secret,
            "metadata": {
                **metadata,
                "annotations": {**metadata["annotations"], ACCOUNT_UID: account["metadata"]["uid"]},
            },
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
        }
        self._store.update(SECRETS, obj=filled, options=_CONTROLLER)
