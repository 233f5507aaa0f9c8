"""Answers of the Prometheus HTTP API (v1), as plain data: the HTTP front only parses and serialises."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from apps.sandbox.metrics import samples
from apps.sandbox.metrics.labels import LabelFrame, LabelSet, identity
from apps.sandbox.metrics.promql.aggregation import format_value
from apps.sandbox.metrics.promql.engine import Engine
from apps.sandbox.metrics.promql.parsing import selector_of
from apps.sandbox.metrics.promql.values import Moments, QueryError, Scalar, Text, Value, Vector
from apps.sandbox.metrics.registry import Registry
from apps.sandbox.sim.draw import Ints

MAX_POINTS = 11_000
_SERIES_SPAN_MS = 6 * 3_600_000  # /series looks no further back than this: a series silent for longer is not listed
Json = dict[str, Any]


class PrometheusApi:
    """The `data` of each endpoint. Raises QueryError."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.engine = Engine(registry)

    def query(self, query: str, *, at_ms: int) -> Json:
        """`/api/v1/query`."""
        matrix = self.engine.matrix(query, at_ms=at_ms)
        if matrix is not None:
            labels, found = matrix
            series = _series(labels, at=found.at, values=found.values, valid=found.valid)
            return {"resultType": "matrix", "result": series}
        return instant_json(self.engine.instant(query, at_ms=at_ms), at_ms=at_ms)

    def query_range(self, query: str, *, start_ms: int, end_ms: int, step_ms: int) -> Json:
        """`/api/v1/query_range`."""
        check_range(start_ms, end_ms=end_ms, step_ms=step_ms)
        moments, value = self.engine.span(query, start_ms=start_ms, end_ms=end_ms, step_ms=step_ms)
        return {"resultType": "matrix", "result": range_json(value, moments=moments)}

    def series(self, matches: Sequence[str], *, start_ms: int, end_ms: int) -> list[LabelSet]:
        """`/api/v1/series`: every series of these selectors with a sample in [start, end]."""
        if not matches:
            raise QueryError("no match[] parameter provided", kind="bad_data")
        found: dict[object, LabelSet] = {}
        for text in matches:
            for labels in self._seen(text, start_ms=start_ms, end_ms=end_ms):
                found[identity(labels)] = labels
        return list(found.values())

    def label_names(self, matches: Sequence[str], *, start_ms: int, end_ms: int) -> list[str]:
        """`/api/v1/labels`."""
        return sorted({name for labels in self._labels(matches, start_ms=start_ms, end_ms=end_ms) for name in labels})

    def label_values(self, name: str, *, matches: Sequence[str], start_ms: int, end_ms: int) -> list[str]:
        """`/api/v1/label/NAME/values`."""
        found = self._labels(matches, start_ms=start_ms, end_ms=end_ms)
        return sorted({labels[name] for labels in found if name in labels})

    def targets(self, *, at_ms: int) -> Json:
        """`/api/v1/targets`: the active ones."""
        targets = self.registry.targets
        active: list[Json] = []
        for target in targets.all:
            if not targets.exists(target, at_ms=at_ms):
                continue
            last = (at_ms - target.offset_ms) // targets.interval_ms * targets.interval_ms + target.offset_ms
            up = int(targets.state(np.asarray([target.row]), at=np.asarray([last]))[0]) == 1
            active.append({
                "discoveredLabels": {"__address__": target.labels["instance"], "__metrics_path__": target.path},
                "labels": dict(target.labels),
                "scrapePool": target.job,
                "scrapeUrl": f"http://{target.labels['instance']}{target.path}",
                "globalUrl": f"http://{target.labels['instance']}{target.path}",
                "lastError": "" if up else "connection refused",
                "lastScrape": _rfc3339(last),
                "lastScrapeDuration": 0.01,
                "health": "up" if up else "down",
                "scrapeInterval": f"{targets.interval_ms // 1000}s",
                "scrapeTimeout": "10s",
            })  # fmt: skip
        return {"activeTargets": active, "droppedTargets": []}

    def _labels(self, matches: Sequence[str], *, start_ms: int, end_ms: int) -> Iterable[LabelSet]:
        if matches:
            return self.series(matches, start_ms=start_ms, end_ms=end_ms)
        return (labels for family in self.registry.families.values() for labels in family.label_sets())

    def _seen(self, text: str, *, start_ms: int, end_ms: int) -> list[LabelSet]:
        selection = self.registry.select(selector_of(text))
        start = max(start_ms, end_ms - _SERIES_SPAN_MS)
        found = samples.window(selection, targets=self.registry.targets, start=start, end=end_ms)
        return [selection.labels.sets[row] for row in np.flatnonzero(found.valid.any(axis=1)).tolist()]


def check_range(start_ms: int, *, end_ms: int, step_ms: int) -> None:
    """Refuse what Prometheus refuses, in its words."""
    if end_ms < start_ms:
        raise QueryError('invalid parameter "end": end timestamp must not be before start time', kind="bad_data")
    if step_ms <= 0:
        raise QueryError(
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
            "Try a positive integer", kind="bad_data",
        )  # fmt: skip
    if (end_ms - start_ms) // step_ms > MAX_POINTS:
        raise QueryError(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution "
            "(?step=XX)", kind="bad_data",
        )  # fmt: skip


def instant_json(value: Value, *, at_ms: int) -> Json:
    """The `data` of an instant query."""
    if isinstance(value, Text):
        return {"resultType": "string", "result": [at_ms / 1000, value.value]}
    if isinstance(value, Scalar):
        return {"resultType": "scalar", "result": [at_ms / 1000, format_value(float(value.values[0]))]}
    return {
        "resultType": "vector",
        "result": [
            {"metric": value.labels.sets[row], "value": [at_ms / 1000, format_value(float(value.values[row, 0]))]}
            for row in present_rows(value)
        ],
    }


def present_rows(vector: Vector) -> Ints:
    """The rows of an instant vector that have a value, in its order."""
    rows = np.arange(len(vector.labels)) if vector.order is None else vector.order
    return np.asarray(rows[vector.present[rows, 0]])


def range_json(value: Vector | Scalar, *, moments: Moments) -> list[Json]:
    """The result list of a range query; series with equal labels at different moments are one."""
    if isinstance(value, Scalar):
        shape = (1, len(moments.at))
        value = Vector(LabelFrame([{}]), value.values.reshape(shape), np.ones(shape, dtype=bool))
    at = np.broadcast_to(moments.at, value.values.shape)
    return _series(value.labels, at=at, values=value.values, valid=value.present)


def _series(labels: LabelFrame, *, at: Ints, values: Any, valid: Any) -> list[Json]:
    merged: dict[object, tuple[LabelSet, list[list[Any]]]] = {}
    for row in np.flatnonzero(valid.any(axis=1)).tolist():
        here = valid[row]
        points = [
            [moment / 1000, format_value(number)]
            for moment, number in zip(at[row][here].tolist(), values[row][here].tolist(), strict=True)
        ]
        merged.setdefault(identity(labels.sets[row]), (labels.sets[row], []))[1].extend(points)
    return [{"metric": metric, "values": sorted(points)} for metric, points in merged.values()]


def _rfc3339(ms: int) -> str:
    return f"{np.datetime_as_string(np.datetime64(ms, 'ms'))}Z"
