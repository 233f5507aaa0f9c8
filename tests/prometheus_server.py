"""A real Prometheus (Debian's) on loopback, over history that was written beforehand and targets that it scrapes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from deploy.kube.processes import Child, free_port


def programs() -> tuple[str, str]:
    """The paths of prometheus and promtool; skips the test where they are not installed."""
    found = shutil.which("prometheus"), shutil.which("promtool")
    if found[0] is None or found[1] is None:
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    return found[0], found[1]


def backfill(folder: Path, *, openmetrics: Iterable[str]) -> None:
    """Writes lines of OpenMetrics with timestamps into the storage of a Prometheus that is not running yet."""
    _, promtool = programs()
    lines = folder / "history.om"
    with lines.open("w") as out:
        out.writelines(openmetrics)
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(lines), str(folder / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"promtool refused the history: {done.stderr[-2000:]}")
    lines.unlink()


@contextmanager
def serve(
    folder: Path,
    *,
    scrape: Iterable[Mapping[str, object]] = (),
    interval_seconds: float = 1,
    lookback_seconds: int = 300,
) -> Iterator[str]:
    """The address of a Prometheus with `scrape` as its scrape_configs and what `backfill` left in `folder`."""
    server, _ = programs()
    interval = f"{interval_seconds * 1000:.0f}ms"
    config = {"global": {"scrape_interval": interval, "scrape_timeout": interval}, "scrape_configs": list(scrape)}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    port = free_port()
    child = Child(
        [
            server,
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=100y",  # the sandbox's history may lie in any year
            f"--query.lookback-delta={lookback_seconds}s",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ],
        log=folder / "prometheus.log",
    )
    url = f"http://127.0.0.1:{port}"
    try:
        child.wait_until(lambda: _ready(url), seconds=60)
        yield url
    finally:
        child.stop()


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
