"""`make bench`: every figure of docs/reference/benchmarks.md that takes minutes, at a small size, one after another.

    python -m tests.benchmarks [--only F2 F5] [--list]

Each also runs alone, at its full size: the page gives the commands. F1 starts from a fresh clone, and F3, F4 and F7
take a real control plane or tens of minutes: they are listed, not run. Nothing runs beside a figure, for each of
them measures. What a figure prints is printed, then a table; the exit status is 1 when a goal was missed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One run. `arguments` make it small; what is not `judged` prints numbers for people to compare."""

    key: str
    what: str
    module: str
    arguments: tuple[str, ...]
    judged: bool = True


FIGURES = (
    Figure("F2", "idle fleet, judged by the request log", "idle_month", ("--days=3", "--workloads=60", "--tick=900")),
    Figure(
        "F2",
        "control that sleeps on missing data",
        "idle_month",
        ("--days=3", "--workloads=60", "--tick=900", "--control"),
    ),
    Figure("F5", "observe 10,000 workloads", "observe_fleet", (), judged=False),
    Figure("F5", "decide on 10,000 workloads", "decide_fleet", ("--passes=3",), judged=False),
    Figure("F5", "list pages", "list_pages", ("--workloads=2000", "--gets=10")),
    Figure("F6", "cluster to browser", "live_rows", ("--browsers=12", "--chromium=2", "--changes=12")),
)
ALONE = (
    ("F1", "in a fresh clone: make run; make test"),
    ("F3", "python -m tests.benchmarks.kills"),
    ("F4", "python -m tests.benchmarks.quiet"),
    ("F7", "python -m pytest -n 0 tests/cluster/test_kubectl_list.py"),
)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", nargs="+", choices=sorted({one.key for one in FIGURES}), help="these figures alone")
    options.add_argument("--list", action="store_true", help="print the commands and run nothing")
    chosen = options.parse_args()
    say = sys.stdout.write
    figures = [one for one in FIGURES if not chosen.only or one.key in chosen.only]
    if chosen.list:
        for one in figures:
            say(f"{one.key}  {' '.join(command(one)[1:])}\n")
    rows = [] if chosen.list else [_run(one) for one in figures]
    if rows:
        say("\n" + "".join(f"{key}  {what:<40} {seconds:>5.0f} s  {said}\n" for key, what, seconds, said in rows))
    for key, how in ALONE:
        say(f"{key}  run it alone: {how}\n")
    return 1 if any(said == "MISSED" for *_, said in rows) else 0


def command(figure: Figure) -> list[str]:
    return [sys.executable, "-m", f"tests.benchmarks.{figure.module}", *figure.arguments]


def _run(figure: Figure) -> tuple[str, str, float, str]:
    """(key, what, seconds, verdict). The figure's own lines go straight through."""
    sys.stdout.write(f"\n== {figure.key}: {figure.what}: {' '.join(command(figure)[1:])}\n")
    sys.stdout.flush()
    begun = time.perf_counter()
    failed = subprocess.run(command(figure), check=False).returncode != 0
    said = "MISSED" if failed else "met" if figure.judged else "see above"
    return figure.key, figure.what, time.perf_counter() - begun, said


if __name__ == "__main__":
    sys.exit(main())
