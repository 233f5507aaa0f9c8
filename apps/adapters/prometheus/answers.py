"""What the Prometheus HTTP API answers, as samples and series, or as the kernel error it stands for.

An answer that may be lacking a part is an error, never a shorter answer: whoever asks decides from silence.
"""

from __future__ import annotations

from typing import Any

from apps.adapters.retry import NotHandled
from apps.adapters.transport import Answer, excerpt
from apps.kernel.errors import Forbidden, InvalidInput, PlimsollError, Unauthenticated, Unavailable
from apps.kernel.vocab import Sample, Series

MAX_SERIES = 100_000
"""A fleet's largest query gives a few series a workload; more than this is a query that forgot to aggregate."""

_ABOUT_THE_QUERY = ("PromQL info:", "PromQL warning:")
"""Annotations about how a query is written. Any other warning tells of data that could not be had."""

_THE_QUERYS_FAULT = frozenset({"bad_data", "execution"})


def data_of(answer: Answer, *, source: str) -> tuple[str, Any]:
    """`resultType` and `result` of a whole answer; raises what an error, a partial or a foreign answer stands for."""
    if answer.status // 100 != 2:
        raise _http_error(answer, source=source)
    found = answer.json(source=source)
    if not isinstance(found, dict) or found.get("status") != "success":
        raise _not_prometheus(source, answer)
    lost = [w for w in found.get("warnings") or [] if not str(w).startswith(_ABOUT_THE_QUERY)]
    if lost:
        raise Unavailable(f"{source} answered in part: {'; '.join(map(str, lost))[:500]}")
    data = found.get("data")
    if not isinstance(data, dict) or "result" not in data:
        raise _not_prometheus(source, answer)
    result = data["result"]
    if isinstance(result, list) and data.get("resultType") in ("vector", "matrix") and len(result) > MAX_SERIES:
        raise too_many(source, f"{len(result):,} series")
    return str(data.get("resultType")), result


def samples(kind: str, result: Any, *, source: str) -> list[Sample]:
    """The samples of an instant query: a vector's, or a scalar's one without labels. NaN and infinities are kept."""
    if kind == "scalar":
        return [Sample({}, *_value_at(result, source=source))]
    if kind != "vector":
        raise InvalidInput(f"the query gives a {kind}", field="query", mend="write one that gives an instant vector")
    return [Sample(_labels(entry, source), *_value_at(_own(entry, "value"), source=source)) for entry in result]


def series(kind: str, result: Any, *, source: str) -> list[Series]:
    """The series of a range query, points oldest first."""
    if kind != "matrix":
        raise InvalidInput(f"the query gives a {kind}", field="query", mend="write one that gives an instant vector")
    return [Series(_labels(entry, source), _points(_own(entry, "values"), source=source)) for entry in result]


def too_many(source: str, amount: str) -> InvalidInput:
    """The error of an answer that would fill the memory."""
    return InvalidInput(
        f"{source} answered with {amount}, more than Plimsoll reads",
        field="query",
        mend="aggregate it, as in sum by (namespace, service) (...)",
    )


def _http_error(answer: Answer, *, source: str) -> PlimsollError:
    try:
        body = answer.json(source=source)
    except Unavailable:
        body = None
    known = body if isinstance(body, dict) else {}
    kind = known.get("errorType", "")
    message = f"{source} answered {answer.status}: {kind} {known.get('error') or excerpt(answer.body)}"
    if kind in _THE_QUERYS_FAULT:
        return InvalidInput(message, field="query", mend="correct the query; try it in the Prometheus console")
    return _by_status(answer, message)


def _by_status(answer: Answer, message: str) -> PlimsollError:
    status = answer.status
    if status == 401:
        return Unauthenticated(message, field="token", mend="give a user and password, or a token, that is valid now")
    if status == 403:
        return Forbidden(message, field="token", mend="allow this account to query")
    if status == 429:
        asked = answer.headers.get("retry-after", "")
        return NotHandled(message, retry_after_seconds=float(asked) if asked.isdigit() else None)
    if status < 500:
        return InvalidInput(
            message, field="url", mend="give the address under which /api/v1/query is served, and no page before it"
        )
    return Unavailable(message)


def _not_prometheus(source: str, answer: Answer) -> Unavailable:
    return Unavailable(
        f"{source} did not answer like Prometheus: {excerpt(answer.body)}",
        mend="give the address under which /api/v1/query is served",
    )


def _own(entry: Any, key: str) -> Any:
    """`entry[key]`; a native histogram has a `histogram` in its place."""
    if isinstance(entry, dict) and key not in entry and ("histogram" in entry or "histograms" in entry):
        raise InvalidInput(
            "the query gives native histograms", field="query", mend="take histogram_count(...) or histogram_sum(...)"
        )
    return entry.get(key) if isinstance(entry, dict) else None


def _labels(entry: Any, source: str) -> dict[str, str]:
    labels = entry.get("metric") if isinstance(entry, dict) else None
    if not isinstance(labels, dict):
        raise Unavailable(f"{source} answered a series without labels")
    return labels


def _points(values: Any, *, source: str) -> tuple[tuple[float, float], ...]:
    if not isinstance(values, list):
        raise Unavailable(f"{source} answered a series without points")
    return tuple((at, value) for value, at in (_value_at(point, source=source) for point in values))


def _value_at(pair: Any, *, source: str) -> tuple[float, float]:
    """(value, Unix seconds) of a `[time, "value"]` pair; `float` reads NaN, +Inf and -Inf."""
    try:
        at, text = pair
        return float(text), float(at)
    except (TypeError, ValueError) as e:
        raise Unavailable(f"{source} answered a value that is no number: {str(pair)[:100]}") from e
