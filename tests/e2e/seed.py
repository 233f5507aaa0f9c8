"""Fills a fresh state folder with a small fleet for the browser: run as `python -m tests.e2e.seed`."""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.core.management import call_command  # noqa: E402  after the registry of apps

from apps.fleet.models import Workload  # noqa: E402
from tests import factories as make  # noqa: E402

NAMES = (
    "api",
    "web",
    "cart",
    "search",
    "checkout",
    "billing",
    "catalog",
    "auth",
    "notify",
    "images",
    "worker",
    "reports",
)
REASONS = [
    ("Asleep", "Hold", {"policy": "ResourcePolicy/shop/night", "since": "2026-11-24T07:00:00+00:00"}),
    ("Traffic", "Hold", {"source": "IngressNginx", "requests": 42.0, "windowSeconds": 7200}),
    ("NoRoute", "Refuse", {"kind": "Deployment"}),
    ("MetricsGap", "Refuse", {"target": "10.1.4.2:10254", "job": "ingress-nginx", "minutes": 7}),
]


def main() -> None:
    call_command("migrate", verbosity=0)
    make.make_user("admin", superuser=True)
    requester = make.make_user("mara", superuser=True)
    clusters = [
        make.make_cluster("berlin", is_demo=True, metrics_url="http://127.0.0.1:9090"),
        make.make_cluster("dublin", environment="staging", region="eu-west-1"),
        make.make_cluster(
            "tokyo", environment="production", region="ap-northeast-1", state="Unreachable",
            state_reason="ServerUnreachable", last_seen_at=make.now() - timedelta(minutes=23),
            state_operands={"error": "connection refused", "mend": "Check that the API server runs"},
        ),
    ]  # fmt: skip
    for index, cluster in enumerate(clusters):
        make.make_node(f"{cluster.name}-1", cluster=cluster)
        policy = make.make_policy("night", cluster=cluster)
        for namespace in ("shop", "preview-412"):
            make.make_namespace(namespace, cluster=cluster)
            for n, name in enumerate(NAMES):
                _workload(name, cluster, namespace, policy, REASONS[(n + index) % 4], price=Decimal(n + 3) / 40)
    chosen = Workload.objects.filter(cluster=clusters[2])[:2]
    decisions = [make.make_decision(workload=row, current=False, kind="Manual") for row in chosen]
    make.make_approval(decisions=decisions, requester=requester)


def _workload(name: str, cluster: object, namespace: str, policy: object, reason: tuple, *, price: Decimal) -> None:  # type: ignore[type-arg]
    code, verdict, operands = reason
    row = make.make_workload(name, cluster=cluster, namespace=namespace, asleep=code == "Asleep", price_per_hour=price)  # type: ignore[arg-type]
    uid = policy.uid  # type: ignore[attr-defined]
    standing = make.make_decision(workload=row, verdict=verdict, reason_code=code, operands=operands, policy_uid=uid)
    if code == "Asleep":
        acted = make.make_decision(workload=row, current=False, policy_uid=uid)
        make.make_action(decision=acted)
    key = f"ResourcePolicy/{namespace}/night"
    Workload.objects.filter(pk=row.pk).update(
        reason_code=code, reason_operands=operands, last_decision_id=standing.pk, policy=key
    )


if __name__ == "__main__":
    main()
