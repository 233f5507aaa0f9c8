"""kubectl says of the sandbox what it said of kube-apiserver 1.36.3.

data/kubectl_1.36.json is what `tests.contract.kubectl_script run` printed on the real control plane. Steps that need
controllers are left out here; the cluster tier runs them all on both.
"""

from __future__ import annotations

import json

from tests.contract.kubectl_script import Result, differences, run
from tests.contract.kubectl_steps import KNOWN
from tests.sandbox.kubeapi.conftest import DATA
from tests.sandbox.kubeapi.live import Live


def test_kubectl_gets_the_answers_of_a_real_server(live: Live) -> None:
    real = [Result(**entry) for entry in json.loads((DATA / "kubectl_1.36.json").read_text())]
    mine = run(live.kubeconfig, controllers=False)
    found = {name: text for name, text in differences(mine, real).items() if name not in KNOWN}
    assert not found, "\n".join(found.values())
    assert len(mine) > 190
