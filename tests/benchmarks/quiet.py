"""F4: what Plimsoll writes to a cluster in which nothing changes, by the real API server's own audit log.

    python -m tests.benchmarks.quiet [--minutes 10] [--workloads 100]

A real control plane and a real Prometheus; half of the workloads have traffic, half are idle and have been put to sleep
by a policy in Enforce. Once that is done and its statuses are written, the audit log is read over the given minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import yaml

from apps.adapters.kubernetes import connect, parse_kubeconfig
from apps.fleet.domain.manifests import ACCOUNT_NAME
from apps.kernel import kinds
from apps.kernel.ports import Kube
from deploy.kube import assets
from deploy.kube.controlplane import ControlPlane
from tests import prometheus_server
from tests.cluster.conftest import CLUSTER, eventually
from tests.cluster.running_plimsoll import Kubectl, Plimsoll
from tests.cluster.test_main_job import NAMESPACE, POLICY, routed
from tests.cluster.traffic_history import ingress_nginx

WRITES = ("create", "update", "patch", "delete", "deletecollection")
SETTLE_SECONDS = 60


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--workloads", type=int, default=100)
    chosen = options.parse_args()
    names = [f"web-{number}" for number in range(chosen.workloads)]
    idle = names[::2]
    with tempfile.TemporaryDirectory(prefix="plimsoll-quiet-") as folder:
        return _measure(Path(folder), names=names, idle=idle, minutes=chosen.minutes)


def _measure(folder: Path, *, names: list[str], idle: list[str], minutes: float) -> int:
    prometheus = folder / "prometheus"
    prometheus.mkdir()
    counts = {(NAMESPACE, name): 0 if name in idle else 3 for name in names}
    prometheus_server.backfill(prometheus, openmetrics=ingress_nginx(counts))
    with (
        ControlPlane(folder=folder / "kube", assets=assets.find()) as plane,
        prometheus_server.serve(prometheus) as url,
    ):
        plane.add_nodes(5)
        admin = connect(parse_kubeconfig(plane.kubeconfig()), cluster=CLUSTER)
        _furnish(admin, names)
        kubeconfig = folder / "admin.yaml"
        kubeconfig.write_text(plane.kubeconfig())
        plimsoll = Plimsoll(folder / "plimsoll")
        try:
            plimsoll.run("cluster", "add", CLUSTER, "--kubeconfig", str(kubeconfig), "--prometheus", url)
            Kubectl(kubeconfig)("apply", "-f", "-", given=yaml.safe_dump(POLICY))
            eventually(lambda: _asleep(admin) == len(idle), seconds=600, what="every idle workload sleeps")
            time.sleep(SETTLE_SECONDS)
            return _count(plane, seconds=minutes * 60, workloads=len(names), asleep=_asleep(admin))
        finally:
            plimsoll.stop()
            admin.close()


def _furnish(admin: Kube, names: list[str]) -> None:
    admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "nginx"}}
    admin.apply({**head, "spec": {"controller": "k8s.io/ingress-nginx"}})
    for name in names:
        for manifest in routed(name):
            admin.apply(manifest)


def _asleep(admin: Kube) -> int:
    found = admin.list(kinds.DEPLOYMENT, namespace=NAMESPACE).items
    return sum(not item["spec"]["replicas"] for item in found)


def _count(plane: ControlPlane, *, seconds: float, workloads: int, asleep: int) -> int:
    """Prints the calls of Plimsoll's account over the time; 1 when a write is among them."""
    before = sum(1 for _ in plane.audit_events(user=ACCOUNT_NAME))
    time.sleep(seconds)
    events = list(plane.audit_events(user=ACCOUNT_NAME))[before:]
    verbs = Counter(event["verb"] for event in events)
    written = [event for event in events if event["verb"] in WRITES]
    leases = [event for event in written if event["objectRef"]["resource"] == "leases"]
    say = sys.stdout.write
    say(f"{workloads} workloads, {asleep} of them asleep, {seconds / 60:g} minutes in which nothing changed\n")
    say(f"calls of {ACCOUNT_NAME}: {dict(verbs)}\n")
    say(f"writes: {len(written) - len(leases)}, and {len(leases)} of leases\n")
    for event in written[:20]:
        say(f"  {event['verb']} {event['requestURI']}\n")
    return 1 if len(written) > len(leases) else 0


if __name__ == "__main__":
    sys.exit(main())
