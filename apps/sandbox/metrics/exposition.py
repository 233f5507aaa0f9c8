"""The Prometheus text format: what a target exposes now, and whole histories with timestamps for backfilling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from apps.sandbox.metrics import samples
from apps.sandbox.metrics.labels import NAME, LabelSet
from apps.sandbox.metrics.promql.aggregation import format_value
from apps.sandbox.metrics.registry import Match, Registry
from apps.sandbox.metrics.targets import Target


def exposed_text(registry: Registry, *, target: Target, at_ms: int) -> str:
    """What `target` answers a scrape with at `at_ms`; families that Prometheus itself writes are left out."""
    lines: list[str] = []
    for family in registry.families.values():
        if family.meta:
            continue
        rows = np.flatnonzero(family.target_rows() == target.row)
        if not len(rows):
            continue
        values, exposed = family.values(rows, at=np.full(len(rows), at_ms))
        body = [
            f"{family.name}{_braces(family.exposed[row].items())} {format_value(float(value))}"
            for row, value, shown in zip(rows.tolist(), values, exposed, strict=True)
            if shown
        ]
        if body:
            lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}", *body]
    return "\n".join(lines) + "\n" if lines else ""


def openmetrics_history(registry: Registry, *, names: Iterable[str], start_ms: int, end_ms: int) -> Iterator[str]:
    """All kept samples of these metrics in [start, end], as lines that `promtool tsdb create-blocks-from openmetrics`
    reads. Metric types are left unknown, so that names stay as they are. Stale markers cannot be written this way."""
    for name in names:
        selection = registry.select((Match(NAME, "=", name),))
        found = samples.window(selection, targets=registry.targets, start=start_ms, end=end_ms)
        yield f"# TYPE {name} unknown\n"
        for labels, at, values, valid in zip(selection.labels.sets, found.at, found.values, found.valid, strict=True):
            head = name + _braces((key, value) for key, value in _nameless(labels))
            for moment, value in zip(at[valid].tolist(), values[valid].tolist(), strict=True):
                yield f"{head} {format_value(value)} {moment / 1000:.3f}\n"
    yield "# EOF\n"


def _nameless(labels: LabelSet) -> Iterator[tuple[str, str]]:
    return ((key, value) for key, value in labels.items() if key != NAME)


def _braces(labels: Iterable[tuple[str, str]]) -> str:
    inner = ",".join(f'{key}="{_escape(value)}"' for key, value in labels)
    return f"{{{inner}}}" if inner else ""


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
