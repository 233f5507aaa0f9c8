"""F5, the deciding half: 10,000 workloads and 50,000 pods, all covered, in one pass.

    python -m tests.benchmarks.decide_fleet [--workloads 10000] [--passes 5]

Prints CPU seconds of a pass (parsing policies, reading the metrics' answers, deciding) and the peak memory it adds.
Half the workloads have traffic, some sleep, some are owned by GitOps; ten policies cover them with selectors.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections import Counter
from dataclasses import replace

from tests.benchmarks.own_database import own_database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=int, default=10_000)
    parser.add_argument("--passes", type=int, default=5)
    given = parser.parse_args()
    with own_database():
        measure(given.workloads, given.passes)


def measure(count: int, passes: int) -> None:
    from apps.kernel.vocab import ObjectRef, Pod
    from apps.policies.domain.decide import decide, read_policies
    from apps.policies.domain.parse import parse
    from apps.policies.domain.tick import Context
    from tests.policies import build

    spaces = [f"team-{number}" for number in range(200)]
    policies = [
        build.make_policy(
            f"p{number}",
            namespace="",
            priority=number,
            targets=[{"kinds": ["Deployment"], "namespaceSelector": {"matchLabels": {"group": str(number)}}}],
        )
        for number in range(9)
    ]
    policies.append(build.make_policy("rest", namespace="", priority=500, mode="Warn"))
    workloads, routes, pods, counted = [], [], {}, []
    for number in range(count):
        name, space = f"w{number}", spaces[number % len(spaces)]
        make = build.make_sleeper if number % 7 == 0 else build.make_workload
        more = {"policy": "ClusterResourcePolicy/rest"} if number % 7 == 0 else {}
        labels = {"app": name, **({"kustomize.toolkit.fluxcd.io/name": "x"} if number % 50 == 0 else {})}
        workloads.append(make(name, namespace=space, labels=labels, **more))
        routes.append(build.make_route(name, namespace=space))
        for pod in range(5):
            ref = ObjectRef("c1", "", "Pod", space, f"{name}-{pod}", f"pod-{number}-{pod}")
            pods[ref.key] = Pod(ref, labels, "Running", True, f"node-{number % 500}", workloads[-1].ref)
        if number % 2:
            counted.append(build.requests(3.0, name, namespace=space))
    readings = {}
    for policy in policies:
        readings |= build.healthy(parse(policy), traffic=counted)
    labels_of = {space: {"group": str(number % 9)} for number, space in enumerate(spaces)}
    snapshot = build.make_snapshot(workloads, policies, routes=routes, readings=readings, namespaces=labels_of)
    snapshot = replace(snapshot, pods=pods)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    spent = []
    for _ in range(passes):
        begun = time.process_time()
        decided = decide(snapshot, read_policies(snapshot.policies), build.NOW, Context(max_sleeps=50))
        spent.append(time.process_time() - begun)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    codes = dict(Counter(decision.reason.code for decision in decided.decisions).most_common())
    print(f"{len(workloads)} workloads, {len(pods)} pods, {len(policies)} policies: {codes}")  # noqa: T201
    print(f"CPU seconds of a pass: best {min(spent):.2f}, worst {max(spent):.2f}")  # noqa: T201
    print(f"memory before {before / 1024:.0f} MB, deciding added {(after - before) / 1024:.0f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
