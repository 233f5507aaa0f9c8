"""carry_out, from the proposal to the outcome, through the adapter and an API server."""

from __future__ import annotations

from typing import Any

import pytest

from apps.fleet.models import Cluster
from apps.kernel.actions import Apply, Delete, Scale, Sleep
from apps.kernel.errors import NotFound
from apps.kernel.marks import SLEPT
from apps.kernel.ports import Kube
from apps.kernel.vocab import ObjectRef, SleptMark
from apps.ledger import services
from apps.ledger.models import ActionRow
from tests.contract import objects
from tests.ledger import making

pytestmark = pytest.mark.django_db

SERVER: list[Kube] = []


class _Shared:
    """The session's Kube, which a carried out action must not close."""

    def __getattr__(self, name: str) -> Any:
        return (lambda: None) if name == "close" else getattr(SERVER[-1], name)


def connect(cluster: Cluster) -> Any:
    return _Shared()


@pytest.fixture
def cluster(db: None, kube: Kube, settings: Any) -> Cluster:
    settings.PLIMSOLL_CONNECT = f"{__name__}.connect"
    SERVER.append(kube)
    return Cluster.objects.create(name="contract", server="https://127.0.0.1:1")


def carried_out(action: Any, cluster: Cluster) -> ActionRow:
    row = making.propose(action, cluster=cluster)
    services.run_due(limit=50)
    row.refresh_from_db()
    return row


def code(row: ActionRow) -> tuple[str, str]:
    assert row.outcome is not None
    return row.state, row.outcome["reason"]["code"]


def sleep(target: ObjectRef, *, replicas: int) -> Sleep:
    return Sleep(target, SleptMark(replicas=replicas, policy="ResourcePolicy/shop/night", action="a"))


def test_a_sleep_and_its_undo(kube: Kube, namespace: str, cluster: Cluster) -> None:
    made = kube.create(objects.deployment(namespace, "web", replicas=3))
    target = objects.ref(made, uid=made["metadata"]["uid"])
    row = carried_out(sleep(target, replicas=3), cluster)
    assert code(row) == ("Done", "Done")
    found = kube.get(target)
    assert (found["spec"]["replicas"], SLEPT in found["metadata"]["annotations"]) == (0, True)
    woken = services.undo(action=row, actor="test", reason="needed", request_id="r")
    services.run_due()
    woken.refresh_from_db()
    assert code(woken) == ("Done", "Done")
    found = kube.get(target)
    assert (found["spec"]["replicas"], SLEPT in found["metadata"].get("annotations", {})) == (3, False)


def test_a_scale_is_refused_once_somebody_else_has_scaled(kube: Kube, namespace: str, cluster: Cluster) -> None:
    made = kube.create(objects.deployment(namespace, "web", replicas=3))
    target = objects.ref(made)
    assert code(carried_out(Scale(target, replicas=5, was=3), cluster)) == ("Done", "Done")
    assert code(carried_out(Scale(target, replicas=7, was=3), cluster)) == ("Refused", "WorldMovedOn")
    assert kube.get(target)["spec"]["replicas"] == 5


def test_an_apply_is_undone_by_a_delete_and_that_by_an_apply(kube: Kube, namespace: str, cluster: Cluster) -> None:
    manifest = objects.deployment(namespace, "new", replicas=1)
    target = objects.ref(manifest)
    row = carried_out(Apply(target, manifest), cluster)
    assert code(row) == ("Done", "Done")
    row = carried_out(Delete(target, manifest), cluster)
    assert code(row) == ("Done", "Done")
    with pytest.raises(NotFound):
        kube.get(target)
    services.undo(action=row, actor="test", reason="needed", request_id="r")
    services.run_due()
    assert kube.get(target)["spec"]["replicas"] == 1


def test_what_the_server_finds_invalid_fails_with_its_words(kube: Kube, namespace: str, cluster: Cluster) -> None:
    manifest = objects.deployment(namespace, "bad")
    manifest["spec"]["replicas"] = -1
    row = carried_out(Apply(objects.ref(manifest), manifest), cluster)
    assert code(row) == ("Failed", "RefusedByCluster")
    assert row.outcome is not None
    assert "replicas" in row.outcome["reason"]["operands"]["error"]
