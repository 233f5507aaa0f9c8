"""The shipped roles on a real API server: they allow what Plimsoll does, and nothing else."""

from __future__ import annotations

import pytest

from apps.fleet.domain import rights
from apps.kernel import kinds
from apps.kernel.errors import Forbidden
from apps.kernel.ports import Kube
from apps.kernel.vocab import ObjectRef
from tests.contract.objects import deployment, ref

pytestmark = pytest.mark.cluster


def test_the_account_has_every_right_it_will_use(account: Kube) -> None:
    asked = list(rights.questions(rights.rights(read_only=False)))
    missing = [
        f"{verb} {right.resource}"
        for right, verb in asked
        if not account.can(verb, right.kind, subresource=right.subresource)
    ]
    assert len(asked) > 70
    assert missing == []


@pytest.mark.parametrize(
    ("verb", "kind", "subresource"),
    [
        ("get", kinds.SECRET, ""),
        ("list", kinds.SECRET, ""),
        ("create", kinds.POD, ""),
        ("delete", kinds.POD, ""),
        ("create", kinds.POD, "exec"),
        ("delete", kinds.DEPLOYMENT, ""),
        ("create", kinds.DEPLOYMENT, ""),
        ("update", kinds.DEPLOYMENT, "scale"),
        ("update", kinds.RESOURCE_POLICY, ""),
        ("patch", kinds.EVENT, ""),
        ("patch", kinds.DAEMON_SET, ""),
        ("patch", kinds.NODE, ""),
        ("delete", kinds.NAMESPACE, ""),
        ("patch", kinds.CLUSTER_ROLE, ""),
        ("patch", kinds.CUSTOM_RESOURCE_DEFINITION, ""),
    ],
)
def test_the_account_may_do_nothing_more(account: Kube, verb: str, kind: kinds.Kind, subresource: str) -> None:
    assert not account.can(verb, kind, subresource=subresource)


def test_marking_and_scaling_work_with_these_rights(account: Kube, admin: Kube, namespace: str) -> None:
    made = admin.create(deployment(namespace, "web", replicas=0))
    account.patch(ref(made), body={"metadata": {"annotations": {"plimsoll.dev/slept": "{}"}}})
    account.scale(ref(made), replicas=1, resource_version="")
    found = account.get(ref(made))
    assert found["spec"]["replicas"] == 1
    assert found["metadata"]["annotations"]["plimsoll.dev/slept"] == "{}"


def test_what_is_refused_names_the_right_to_grant(account: Kube, admin: Kube, namespace: str) -> None:
    made = admin.create(deployment(namespace, "web", replicas=0))
    with pytest.raises(Forbidden, match=r"delete deployments\.apps") as caught:
        account.delete(ref(made))
    assert caught.value.mend == "grant the account `delete` on `deployments.apps`"
    with pytest.raises(Forbidden):
        account.get(ObjectRef("real", "", "Secret", namespace, "any"))
