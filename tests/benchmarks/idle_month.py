"""F2: many days of a simulated fleet under Plimsoll, judged by the request log alone.

    python -m tests.benchmarks.idle_month --days 30 --workloads 500 --tick 300
    python -m tests.benchmarks.idle_month --days 3 --workloads 40 --control

Everything but the API server is real: cache, PromQL, deciding, ledger, carrying out, database. With `--direct` what is
decided is carried out at once, without the ledger, which makes a month of 500 workloads a matter of minutes.

Levers: gaps of Prometheus, failing scrapes, restarts of the exporters that tell and that do not tell, probes beside
and instead of visitors, a change to summer time, wake annotations, a policy suspended, outside restores, restarts of
Plimsoll, and hours in which it does not run at all. `--control` sleeps on missing data, and must be found out.

How each figure is judged:
    wrongful sleep   somebody but a probe asked within idleAfter before the sleep (LAG apart: what no scrape has shown
                     yet), or a window of the schedule was open, or an exception held
    missed wake      a request to a sleeper, an annotation, a schedule that opens, or a suspended policy, and it was not
                     running within the bound; the bound is counted from when the metrics could show it. A request that
                     an exporter lost by restarting before its next scrape is counted apart: nobody can know of it
    exact            the replicas after a wake are those before the sleep
    idle hours       of the hours that were silent and in which the policy allowed sleep, those spent asleep
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import timedelta

from tests.benchmarks.own_database import own_database, sleeping_on_missing_data, world_settings


def main() -> int:
    """Runs in a database of its own, in memory; 1 when a goal was missed, or the control not found out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--workloads", type=int, default=500)
    parser.add_argument("--tick", type=int, default=300, help="seconds between two passes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="sleep on missing data: must be found out")
    parser.add_argument("--direct", action="store_true", help="carry out at once, without the ledger and its database")
    given = parser.parse_args()
    with own_database(), world_settings(given.tick), sleeping_on_missing_data(given.control):
        from tests.benchmarks.month import Month, reasons_given  # needs Django
        from tests.policies.direct_world import DirectWorld
        from tests.policies.world import World

        begun = time.perf_counter()
        month = Month(
            days=given.days,
            workloads=given.workloads,
            tick=timedelta(seconds=given.tick),
            seed=given.seed,
            world=DirectWorld if given.direct else World,
        )
        report = month.run()
        print(report.text())  # noqa: T201
        print(f"{time.perf_counter() - begun:.0f} s", dict(reasons_given().most_common(20)))  # noqa: T201
        return 0 if (report.wrongful if given.control else report.good) else 1


if __name__ == "__main__":
    sys.exit(main())
