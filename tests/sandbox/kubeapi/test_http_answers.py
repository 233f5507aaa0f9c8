"""Odd requests get the answers that kube-apiserver 1.36.3 gave: data/http_1.36.json, by tests.contract.http_cases."""

from __future__ import annotations

import json
from pathlib import Path

from apps.sandbox.kubeapi.cluster import Cluster
from tests.contract.http_cases import KNOWN, run
from tests.sandbox.kubeapi.conftest import DATA
from tests.sandbox.kubeapi.live import serve


def test_odd_requests_get_the_answers_of_a_real_server(cluster: Cluster, tmp_path: Path) -> None:
    real: dict[str, str] = json.loads((DATA / "http_1.36.json").read_text())
    with serve(cluster, folder=tmp_path, tokens={"admin": "t"}) as live:
        mine = run(live.kubeconfig)
    assert mine.keys() == real.keys()
    assert len(mine) > 130
    different = {name for name in real if mine[name] != real[name]}
    unexplained = {name for name in different if not any(name.startswith(known) for known in KNOWN)}
    assert not unexplained, "\n".join(f"{name}\n  {mine[name]}\n  {real[name]}" for name in sorted(unexplained))
    assert len(different) <= 10
