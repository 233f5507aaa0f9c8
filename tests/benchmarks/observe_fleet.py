"""F5, the observing half: 10,000 workloads and 50,000 pods read, looked at, changed and kept as rows.

    python -m tests.benchmarks.observe_fleet [--workloads 10000]

Prints CPU seconds and peak memory of each step. Lists are JSON text, decoded page by page as the adapter does it; pods
carry what kubelets and controllers write on them, managedFields included. Making that text is not counted. The garbage
collector is set as the watcher sets it.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.benchmarks.own_database import own_database

PAGE = 500
NODES = 1_000
PODS_EACH = 5
CHURN = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=int, default=10_000)
    given = parser.parse_args()
    with own_database():
        measure(given.workloads)


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def timed(what: str, work: Callable[[], Any]) -> None:
    start = time.process_time()
    work()
    print(f"{what:<44} {time.process_time() - start:6.2f} CPU s   peak {peak_mib()} MiB")  # noqa: T201  the report


def make_texts(count: int, make: Callable[[int], dict[str, Any]]) -> list[str]:
    """Pages of a list as they come over the wire."""
    return [
        json.dumps({"items": [make(number) for number in range(start, min(start + PAGE, count))]})
        for start in range(0, count, PAGE)
    ]


def busy_deployment(number: int) -> dict[str, Any]:
    from tests.fleet.build import make_deployment

    written = {"f:spec": {"f:replicas": {}, "f:template": {f"f:{field}": {} for field in range(30)}}}
    notes = {"deployment.kubernetes.io/revision": "3", "kubectl.kubernetes.io/last-applied-configuration": "x" * 1500}
    more = {"managedFields": [{"manager": "kubectl", "fieldsV1": written}], "annotations": notes}
    return make_deployment(f"app-{number}", f"team-{number % 200}", replicas=PODS_EACH, metadata=more)


def busy_pod(number: int) -> dict[str, Any]:
    from tests.fleet.build import make_deployment_pod

    owner = number // PODS_EACH
    written = {"f:status": {f"f:{field}": {"f:type": {}} for field in range(30)}}
    pod = make_deployment_pod(f"app-{owner}", number, node=f"node-{number % NODES}")
    pod["metadata"] |= {
        "namespace": f"team-{owner % 200}",
        "managedFields": [{"manager": "kubelet", "fieldsV1": written}],
    }
    pod["status"]["containerStatuses"] = [{"name": "app", "image": "x" * 80, "imageID": "y" * 120, "ready": True}]
    return pod


def measure(count: int) -> None:
    from apps.fleet.cache import ClusterCache
    from apps.fleet.domain.pricing import PriceBook
    from apps.fleet.domain.sources import SOURCES
    from apps.fleet.rows import RowKeeper
    from apps.kernel import kinds
    from apps.kernel.ports import Listing
    from tests.fleet.build import NOW, feed, kernel_cluster, look, make_node
    from tests.fleet.test_rows import make_cluster
    from workers.startup import calm_garbage_collector

    def pages(texts: list[str]) -> Iterator[Listing]:
        for text in texts:
            yield Listing(json.loads(text)["items"], "10")

    calm_garbage_collector()
    deployments, pods = make_texts(count, busy_deployment), make_texts(count * PODS_EACH, busy_pod)
    nodes = make_texts(NODES, lambda number: make_node(f"node-{number}", cpu="64", memory="256Gi"))
    book = PriceBook(listed={("m5.xlarge", "", False): Decimal("3.072")})
    cache = ClusterCache(kernel_cluster(), book=book)
    for source in SOURCES:
        cache.load(source.kind, [Listing([], "1")], now=NOW)
    held = sum(map(len, deployments + pods + nodes)) // 2**20
    print(f"{count} workloads, {count * PODS_EACH} pods; before: peak {peak_mib()} MiB, {held} of it JSON text")  # noqa: T201
    timed("nodes, read and parsed", lambda: cache.load(kinds.NODE, pages(nodes), now=NOW))
    timed("workloads, read and parsed", lambda: cache.load(kinds.DEPLOYMENT, pages(deployments), now=NOW))
    timed("pods, read and parsed", lambda: cache.load(kinds.POD, pages(pods), now=NOW))
    timed("first Snapshot: joined and priced", lambda: look(cache))
    timed("next Snapshot, nothing changed", lambda: look(cache))
    changed = [busy_pod(number * PODS_EACH) for number in range(CHURN)]
    for pod in changed:
        pod["status"]["phase"] = "Failed"
    timed(f"{CHURN} pods changed", lambda: feed(cache, kinds.POD, *changed))
    timed("Snapshot after that", lambda: look(cache))
    keeper = RowKeeper(make_cluster(), cache=cache)
    timed("rows, all made", lambda: keeper.sync(now=NOW))
    feed(cache, kinds.DEPLOYMENT, *({**busy_deployment(n), "status": {"readyReplicas": 1}} for n in range(CHURN)))
    timed(f"rows, {CHURN} changed", lambda: keeper.sync(now=NOW + timedelta(seconds=1)))
    timed("rows, nothing changed", lambda: keeper.sync(now=NOW + timedelta(seconds=2)))


if __name__ == "__main__":
    main()
