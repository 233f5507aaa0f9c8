"""F5, the pages' half: what each list page costs with a fleet of 10,000 workloads behind it.

    python -m tests.benchmarks.list_pages [--workloads 10000] [--gets 30]

A SQLite file of its own. Prints for each page how many queries it takes with few rows and with many, which must be the
same, and the server's time for a GET of 50 rows by Django's test client: middleware, database, template and gzip. CPU
time is beside it, for on a busy machine the rest is waiting for a turn.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING

import tests.environment  # noqa: F401  sets the environment before any setting is read

if TYPE_CHECKING:
    from django.db.models import Model
    from django.test import Client

FEW = 100
CLUSTERS = 5
NAMESPACES = 200
PAGES = (
    "/workloads/",
    "/workloads/?state=Asleep",
    "/workloads/?q=web-7",
    "/workloads/?sort=-price&page=2",
    "/decisions/",
    "/decisions/?reason=Idle&namespace=team-9",
    "/decisions/?q=web-7",
    "/approvals/",
    "/approvals/?state=Pending",
    "/policies/",
    "/policies/?q=night",
    "/clusters/",
    "/records/",
    "/records/?kind=Decision",
    "/records/?q=web-7",
)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--workloads", type=int, default=10_000)
    options.add_argument("--gets", type=int, default=30)
    chosen = options.parse_args()
    client = _set_up()
    _fill(0, FEW)
    few = {path: _queries(client, path) for path in PAGES}
    _fill(FEW, chosen.workloads)
    say = sys.stdout.write
    say(f"{_counts()}\n{'page':<44} queries at {FEW}, at {chosen.workloads}      p50      p95  CPU p50      p95\n")
    uneven = 0
    for path in PAGES:
        many = _queries(client, path)
        times = [_seconds(client, path) for _ in range(chosen.gets)]
        uneven += many != few[path]
        spread = _spread([wall for wall, _ in times]) + _spread([cpu for _, cpu in times])
        say(f"{path:<44} {few[path]:>14} {many:>8}    {spread}\n")
    return 1 if uneven else 0


def _set_up() -> Client:
    """A migrated database in a file, and the browser of its administrator."""
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    os.environ.setdefault("PLIMSOLL_LOG_LEVEL", "ERROR")
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from tests.factories import make_cluster, make_user

    call_command("migrate", verbosity=0)
    for number in range(CLUSTERS):
        make_cluster(f"cluster-{number}")
    client = Client(headers={"Accept-Encoding": "gzip"})
    client.force_login(make_user("admin", superuser=True))
    return client


def _fill(start: int, end: int) -> None:
    """The workloads `start` to `end`, each with two decisions and their records; each hundredth brings a policy, each
    fiftieth an approval."""
    from django.db import transaction

    from apps.fleet.models import Cluster
    from apps.ledger.records import About, Draft, append
    from tests import factories as make

    clusters = list(Cluster.objects.order_by("name"))
    verdicts = (("Act", "Idle"), ("Hold", "Traffic"), ("Refuse", "NoRoute"))
    with transaction.atomic():
        for number in range(start, end):
            cluster, space = clusters[number % CLUSTERS], f"team-{number % NAMESPACES}"
            price = Decimal(number % 300) / 1000
            row = make.make_workload(
                f"web-{number}", cluster=cluster, namespace=space, asleep=number % 3 == 0, price_per_hour=price
            )
            verdict, reason = verdicts[number % 3]
            made = [
                make.make_decision(workload=row, verdict=verdict, reason_code=reason, current=current)
                for current in (False, True)
            ]
            about = About(cluster=cluster, namespace=space, subject=f"Deployment/{space}/{row.name}")
            append([Draft("Decision", {"verdict": one.verdict}, about) for one in made], actor="watcher")
            if number % 100 == 0:
                make.make_policy(f"night-{number}", cluster=cluster, namespace=space)
            if number % 50 == 0:
                make.make_approval(decisions=made[:1])


def _counts() -> str:
    from apps.fleet.models import Cluster, Workload
    from apps.ledger.models import ApprovalRequest, DecisionRow, Record
    from apps.policies.models import Policy

    models: tuple[type[Model], ...] = (Workload, DecisionRow, Record, ApprovalRequest, Policy, Cluster)
    return ", ".join(f"{one._default_manager.count()} {one._meta.verbose_name_plural}" for one in models)


def _queries(client: Client, path: str) -> int:
    """After a first GET, which also fills what is kept for the process."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    _seconds(client, path)
    with CaptureQueriesContext(connection) as captured:
        _seconds(client, path)
    return len(captured)


def _spread(seconds: list[float]) -> str:
    p95 = statistics.quantiles(seconds, n=20)[-1]
    return f" {statistics.median(seconds) * 1000:>5.0f} ms {p95 * 1000:>5.0f} ms"


def _seconds(client: Client, path: str) -> tuple[float, float]:
    """Wall and CPU seconds of one GET."""
    begun, cpu = time.perf_counter(), time.process_time()
    answer = client.get(path)
    spent = time.perf_counter() - begun, time.process_time() - cpu
    if answer.status_code != 200 or b'<tr id="row-' not in gzip.decompress(answer.content):
        raise RuntimeError(f"{path} was answered with {answer.status_code}, or without a row")
    return spent


if __name__ == "__main__":
    sys.exit(main())
