"""Run as `python -m portal.supervisor.bootstrap KUBECONFIG`: connects the demo fleet and gives it its first policies.

    1. wait until the kubeconfig is there and its servers answer
    2. each context: connect the cluster of that name, or give it its new address when it is known already
    3. only for a cluster that was new: apply the policies of DEMO_POLICIES, by the same road as everybody's

It may be killed and started again at any point.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from apps.kernel.errors import PlimsollError, Unavailable

if TYPE_CHECKING:
    from apps.fleet.models import Cluster

ACTOR = "demo"
WAIT_SECONDS = 300.0
ENVIRONMENTS = {"eu-prod": "production", "eu-dev": "development", "us-gpu": "research"}
REGIONS = {"eu-prod": "eu-central-1", "eu-dev": "eu-central-1", "us-gpu": "us-east-2"}


def policy(name: str, *, mode: str, envs: list[str], idle_after: str, **scale_to_zero: Any) -> dict[str, Any]:
    """A ClusterResourcePolicy over the namespaces whose label `env` is one of `envs`."""
    selector = {"matchExpressions": [{"key": "env", "operator": "In", "values": envs}]}
    return {
        "apiVersion": "plimsoll.dev/v1alpha1",
        "kind": "ClusterResourcePolicy",
        "metadata": {"name": name},
        "spec": {
            "mode": mode,
            "priority": 50,  # whatever a person writes goes before the demo
            "targets": [{"kinds": ["Deployment", "StatefulSet"], "namespaceSelector": selector}],
            "scaleToZero": {"idleAfter": idle_after, **scale_to_zero},
        },
    }


DEMO_POLICIES: dict[str, list[dict[str, Any]]] = {
    "eu-dev": [
        policy("dev-sleeps-when-idle", mode="Enforce", envs=["dev", "test"], idle_after="2h", minAwake="15m"),
        policy("staging-would-sleep", mode="Warn", envs=["staging"], idle_after="8h"),
    ],
    "us-gpu": [
        policy(
            "notebooks-sleep-when-idle",
            mode="Enforce",
            envs=["dev"],
            idle_after="2h",
            traffic={"source": "EnvoyGateway"},
        ),
    ],
    "eu-prod": [policy("what-prod-would-save", mode="DryRun", envs=["prod"], idle_after="24h")],
}


@dataclass(frozen=True, slots=True)
class Context:
    """One cluster of the kubeconfig."""

    name: str
    server: str
    ca_pem: str


def metrics_of(context: Context, folder: Path) -> tuple[str, str]:
    """Address and CA of the Prometheus: the sandbox serves one beside each cluster; for a real control plane the file
    `metrics.json` says where it is."""
    file = folder / "metrics.json"
    if not file.exists():
        return f"{context.server}/prometheus", context.ca_pem
    found = json.loads(file.read_text())[context.name]
    return found["url"], found["ca_pem"]


def contexts(text: str) -> list[Context]:
    """The contexts of a kubeconfig whose clusters carry their CA inline."""
    config = yaml.safe_load(text)
    servers = {entry["name"]: entry["cluster"] for entry in config["clusters"]}
    found = []
    for entry in config["contexts"]:
        cluster = servers[entry["context"]["cluster"]]
        ca = base64.b64decode(cluster.get("certificate-authority-data", "")).decode()
        found.append(Context(entry["name"], cluster["server"], ca))
    return found


def wait_for(file: Path) -> str:
    """The text of the kubeconfig once it is there and its servers take connections."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        if file.exists() and all(map(_listens, contexts(file.read_text()))):
            return file.read_text()
        if time.monotonic() > deadline:
            raise Unavailable(f"the fleet of {file} does not answer", mend="see its log")
        time.sleep(0.2)


def _listens(context: Context) -> bool:
    address = urlsplit(context.server)
    try:
        with socket.create_connection((address.hostname or "", address.port or 443), timeout=1):
            return True
    except OSError:
        return False


def connect(context: Context, kubeconfig: str, *, folder: Path) -> Cluster | None:
    """The cluster when it was new; None when it was known, and only its address was looked after."""
    from apps.fleet.demo import connect_demo
    from apps.fleet.services import NewCluster
    from apps.identity.models import Team
    from apps.kernel.ports import MetricsConnection

    url, ca_pem = metrics_of(context, folder)
    team, _ = Team.objects.get_or_create(name="platform", defaults={"title": "Platform"})
    given = NewCluster(
        name=context.name,
        kubeconfig=kubeconfig,
        context=context.name,
        metrics=MetricsConnection(url=url, ca_pem=ca_pem),
        team=team,
        environment=ENVIRONMENTS.get(context.name, ""),
        region=REGIONS.get(context.name, ""),
    )
    cluster, is_new = connect_demo(given)
    return cluster if is_new else None


def keep_demo_prices() -> None:
    """What the simulated clouds charge, spot nodes too, which no list price covers."""
    from apps.fleet.demo import DemoPrice, keep_prices
    from apps.identity.clock import now
    from apps.sandbox.sim.prices import INSTANCE_TYPES, price_of

    prices = [
        DemoPrice(name, spot=spot, price_per_hour=price)
        for name in INSTANCE_TYPES
        for spot in (False, True)
        if (price := price_of(name, spot=spot)) is not None
    ]
    keep_prices(prices, today=now().date())


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    from apps.kernel.ids import uuid7
    from apps.policies.services import apply_policy

    file = Path(sys.argv[1])
    keep_demo_prices()
    kubeconfig = wait_for(file)
    for context in contexts(kubeconfig):
        cluster = connect(context, kubeconfig, folder=file.parent)
        if cluster is None:
            continue
        for manifest in DEMO_POLICIES.get(context.name, []):
            apply_policy(cluster=cluster, manifest=manifest, actor=ACTOR, request_id=str(uuid7()))


if __name__ == "__main__":
    try:
        main()
    except PlimsollError as e:
        sys.exit(f"error: {e}")
