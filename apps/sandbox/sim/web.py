"""The HTTP side of a cluster's metrics: Prometheus's query API, and every exporter's text for a real Prometheus.

/prometheus/api/v1/...          query, query_range, series, labels, label/NAME/values, targets, status/buildinfo
/prometheus/-/ready, /-/healthy
/exporters/JOB/TARGET/metrics   what that target exposes now; 503 while a lever has it down
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote

import numpy as np

from apps.kernel.errors import InvalidInput
from apps.kernel.units import parse_duration
from apps.sandbox.metrics.exposition import exposed_text
from apps.sandbox.metrics.promql.values import QueryError
from apps.sandbox.metrics.targets import UP
from apps.sandbox.sim.clock import to_ms
from apps.sandbox.sim.cluster import SimCluster

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Params = dict[str, list[str]]
_LARGEST_BODY = 1024 * 1024
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_VALUES = re.compile(r"label/([^/]+)/values")
_VERSION = {
    "version": "2.42.0", "revision": "sandbox", "branch": "HEAD", "buildUser": "", "buildDate": "", "goVersion": "",
}  # fmt: skip


class MetricsApp:
    """ASGI for one cluster; paths come without the cluster's prefix."""

    def __init__(self, cluster: SimCluster) -> None:
        self._cluster = cluster

    async def __call__(self, path: str, *, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request for `path`."""
        if path.startswith("/exporters/"):
            await self._exporter(path, send=send)
        elif path in ("/prometheus/-/ready", "/prometheus/-/healthy"):
            await respond(send, status=200, body=b"Prometheus Server is Ready.\n", content_type="text/plain")
        elif path.startswith("/prometheus/api/v1/"):
            await self._api(path.removeprefix("/prometheus/api/v1/"), scope=scope, receive=receive, send=send)
        else:
            await respond(send, status=404, body=b"404 page not found\n", content_type="text/plain")

    async def _exporter(self, path: str, *, send: Send) -> None:
        parts = [unquote(part) for part in path.split("/")]
        targets, now = self._cluster.hub.targets, self._cluster.now_ms()
        asked = tuple(parts[2:])
        for target in targets.all:
            if (target.job, target.name, "metrics") == asked and targets.exists(target, at_ms=now):
                up = targets.state(np.asarray([target.row]), at=np.asarray([now]))[0] == UP
                text = exposed_text(self._cluster.hub.registry, target=target, at_ms=now) if up else ""
                await respond(send, status=200 if up else 503, body=text.encode(), content_type=_TEXT)
                return
        await respond(send, status=404, body=b"no such target\n", content_type="text/plain")

    async def _api(self, endpoint: str, *, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            params = parse_qs(scope.get("query_string", b"").decode(), keep_blank_values=True)
            if scope["method"] == "POST":
                for name, values in parse_qs((await _body(receive)).decode(), keep_blank_values=True).items():
                    params.setdefault(name, []).extend(values)
            status, answer = 200, {"status": "success", "data": self._data(endpoint, params)}
        except QueryError as e:
            status = 400 if e.kind == "bad_data" else 422
            answer = {"status": "error", "errorType": e.kind, "error": str(e)}
        except KeyError:
            await respond(send, status=404, body=b"404 page not found\n", content_type="text/plain")
            return
        body = json.dumps(answer, separators=(",", ":")).encode()
        await respond(send, status=status, body=body, content_type="application/json")

    def _data(self, endpoint: str, params: Params) -> Any:
        """The `data` of an endpoint. Raises KeyError for one that is not there."""
        api, now = self._cluster.prometheus, self._cluster.now_ms()
        values = _VALUES.fullmatch(endpoint)
        if endpoint == "query":
            return api.query(_one(params, "query"), at_ms=_moment(params, "time", default=now))
        if endpoint == "query_range":
            return api.query_range(
                _one(params, "query"), start_ms=_moment(params, "start"), end_ms=_moment(params, "end"),
                step_ms=_step(params),
            )  # fmt: skip
        start, end = _moment(params, "start", default=now - 3_600_000), _moment(params, "end", default=now)
        span = {"start_ms": start, "end_ms": end}
        matches = params.get("match[]", [])
        if endpoint == "series":
            return api.series(matches, **span)
        if endpoint == "labels":
            return api.label_names(matches, **span)
        if values is not None:
            return api.label_values(values.group(1), matches=matches, **span)
        return {
            "targets": lambda: api.targets(at_ms=now), "status/buildinfo": lambda: _VERSION,
            "rules": lambda: {"groups": []}, "alerts": lambda: {"alerts": []}, "metadata": self._metadata,
        }[endpoint]()  # fmt: skip

    def _metadata(self) -> dict[str, list[dict[str, str]]]:
        families = self._cluster.hub.registry.families.values()
        return {f.name: [{"type": f.kind, "help": f.help, "unit": ""}] for f in families if not f.meta}


def _one(params: Params, name: str) -> str:
    if not params.get(name):
        raise QueryError(f'invalid parameter "{name}": missing', kind="bad_data")
    return params[name][0]


def _moment(params: Params, name: str, *, default: int | None = None) -> int:
    """A time parameter: Unix seconds with decimals, or RFC 3339."""
    if not params.get(name):
        if default is None:
            raise QueryError(f'invalid parameter "{name}": cannot parse "" to a valid timestamp', kind="bad_data")
        return default
    text = params[name][0]
    try:
        seconds = float(text)
        if math.isfinite(seconds):
            return round(seconds * 1000)
    except ValueError:
        pass
    try:
        return to_ms(datetime.fromisoformat(text))
    except (ValueError, TypeError) as e:
        message = f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp'
        raise QueryError(message, kind="bad_data") from e


def _step(params: Params) -> int:
    text = _one(params, "step")
    try:
        return round(float(text) * 1000)
    except (ValueError, OverflowError):
        pass
    try:
        return round(parse_duration(text).total_seconds() * 1000)
    except InvalidInput as e:
        message = f'invalid parameter "step": cannot parse "{text}" to a valid duration'
        raise QueryError(message, kind="bad_data") from e


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > _LARGEST_BODY:
            raise QueryError("the form is too large", kind="bad_data")
        if not message.get("more_body"):
            return body


async def respond(send: Send, *, status: int, body: bytes, content_type: str) -> None:
    """Send one whole answer."""
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def scrape_config(cluster: SimCluster, *, host: str, ca_file: str = "") -> dict[str, Any]:
    """A prometheus.yml that makes a real Prometheus scrape every exporter of the cluster at `host` (HOST:PORT), with
    the labels and intervals that the sandbox's own answers have."""
    hub = cluster.hub
    seconds = hub.targets.interval_ms // 1000
    jobs = []
    for number, target in enumerate(one for one in hub.targets.all if hub.targets.exists(one, at_ms=cluster.now_ms())):
        labels = {name: value for name, value in target.labels.items() if name != "job"}
        path = f"/clusters/{cluster.name}/exporters/{target.job}/{target.name}/metrics"
        jobs.append({
            "job_name": f"{target.job}-{number}", "scheme": "https", "metrics_path": path,
            "honor_labels": target.honor_labels,
            "tls_config": {"ca_file": ca_file} if ca_file else {"insecure_skip_verify": True},
            "static_configs": [{"targets": [host], "labels": labels}],
            "relabel_configs": [{"target_label": "job", "replacement": target.job},
                                {"target_label": "instance", "replacement": target.labels["instance"]}],
        })  # fmt: skip
    return {"global": {"scrape_interval": f"{seconds}s", "scrape_timeout": "10s"}, "scrape_configs": jobs}
