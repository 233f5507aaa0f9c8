"""One simulated cluster's API side: its store, its rules, its accounts and the controllers the API itself needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random

from apps.sandbox.kubeapi.accounts import Accounts
from apps.sandbox.kubeapi.bootstrap import furnish
from apps.sandbox.kubeapi.builtin import builtin_registry
from apps.sandbox.kubeapi.collector import GarbageCollector
from apps.sandbox.kubeapi.customs import CustomKinds
from apps.sandbox.kubeapi.namespaces import NamespaceController
from apps.sandbox.kubeapi.quota import QuotaStatus
from apps.sandbox.kubeapi.rbac import MASTERS, Authorizer
from apps.sandbox.kubeapi.request import User
from apps.sandbox.kubeapi.rules import KubeRules
from apps.sandbox.kubeapi.store import Store
from apps.sandbox.kubeapi.token_secrets import TokenSecrets


def admin(name: str = "kubernetes-admin") -> User:
    """A user who may do everything."""
    return User(name=name, groups=(MASTERS, "system:authenticated"))


class Cluster:
    """Everything behind one API endpoint.

    `now` gives the cluster's time; `seed` makes uids, generated names and addresses repeatable; `tokens` maps bearer
    tokens to users; `history` is how many changes of each resource a watch can go back; `ca_pem` is what the
    kube-root-ca.crt of each namespace holds; `token_key` (32 bytes) keeps issued tokens valid over a restart.
    """

    def __init__(
        self,
        name: str,
        *,
        now: Callable[[], datetime],
        tokens: Mapping[str, User],
        seed: int | None = None,
        history: int = 4096,
        ca_pem: str = "",
        token_key: bytes | None = None,
    ) -> None:
        self.name = name
        self.registry = builtin_registry()
        self.customs = CustomKinds()
        self.rules = KubeRules(self.customs, random=Random(seed))  # noqa: S311  # addresses guard nothing
        self.store = Store(self.registry, now=now, rules=self.rules, seed=seed, history=history)
        self.customs.attach(self.store)
        self.collector = GarbageCollector(self.store)
        self.namespaces = NamespaceController(self.store, ca_pem=ca_pem)
        self.quotas = QuotaStatus(self.store)
        self.accounts = Accounts(self.store, tokens=tokens, key=token_key)
        self.token_secrets = TokenSecrets(self.store, accounts=self.accounts, ca_pem=ca_pem)
        self.authorizer = Authorizer(self.store)
        furnish(self.store)
