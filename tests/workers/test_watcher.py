"""The watcher as a process, on the sandbox's API: `python -m workers.watcher`.

- rows follow the cluster at once; rows of clusters are noticed without a restart
- one bad cluster disturbs no other, and says what is wrong with it
- SIGTERM gives the lead back; kill -9 costs nothing; of two watchers one leads
- what decisions should not wait for is decided on at once
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from apps.adapters.kubernetes import connect, parse_kubeconfig
from apps.kernel.marks import SLEPT, WAKE, mark_text
from apps.kernel.ports import Kube
from apps.kernel.vocab import SleptMark
from tests.adapters.servers import answer, serve
from tests.contract.objects import deployment, ref
from tests.sandbox_server import SandboxServer
from tests.workers.own_home import Home, eventually, terminate

STATE = "select state from fleet_cluster where name = ?"
REASON = "select state_reason from fleet_cluster where name = ?"
WAKES = "select count(*) from ledger_actionrow where target_name = ? and kind = 'Wake'"
REPLICAS = "select replicas from fleet_workload where namespace = ? and name = ?"


GOOD = "good"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, sandbox_api: SandboxServer) -> Home:
    """A home with the cluster `good` connected."""
    made = Home(tmp_path_factory.mktemp("template") / "home")
    made.connect_cluster(GOOD, sandbox_api.kubeconfig("admin"))
    return made


@pytest.fixture
def home(tmp_path: Path, template: Home) -> Iterator[Home]:
    made = Home(tmp_path / "home", template=template)
    yield made
    made.close()


@pytest.fixture
def admin(sandbox_api: SandboxServer) -> Iterator[Kube]:
    kube = connect(parse_kubeconfig(sandbox_api.kubeconfig("admin")), cluster="contract")
    yield kube
    kube.close()


@pytest.fixture
def namespace(admin: Kube) -> str:
    name = f"watched-{uuid.uuid4().hex[:8]}"
    admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def _is(home: Home, cluster: str, state: str) -> None:
    eventually(lambda: home.value(STATE, cluster) == state, what=f"{cluster} is {state}")


def test_rows_follow_the_cluster_at_once(home: Home, admin: Kube, namespace: str) -> None:
    made = admin.create(deployment(namespace, "web", replicas=0))
    home.start("workers.watcher")
    _is(home, GOOD, "Connected")
    eventually(lambda: home.value(REPLICAS, namespace, "web") == 0, what="the workload has a row")
    waits = []
    for number in (1, 2, 3, 4, 5):
        admin.scale(ref(made), replicas=number, resource_version="")
        waits.append(
            eventually(
                lambda number=number: home.value(REPLICAS, namespace, "web") == number, what="the change is in the row"
            )
        )
    assert sorted(waits)[2] < 10, waits  # how fast it is, F6 measures
    admin.delete(ref(made))
    eventually(lambda: home.value(REPLICAS, namespace, "web") is None, what="the row went with the workload")


def test_a_cluster_that_is_added_or_removed_is_noticed(home: Home, sandbox_api: SandboxServer) -> None:
    home.start("workers.watcher")
    _is(home, GOOD, "Connected")
    home.remember_clusters({"late": sandbox_api.kubeconfig("admin")})
    _is(home, "late", "Connected")
    leads = "select count(*) from ledger_lease where until is not null"
    assert home.value(leads) == 2
    home.python("from apps.fleet.models import Cluster; Cluster.objects.all().delete()")
    eventually(lambda: home.value(leads) == 0, what="the leads of the removed clusters are free")
    assert home.value("select count(*) from fleet_namespace") == 0


def _kubeconfig(text: str, *, server: str = "", token: str = "", authority: bool = True) -> str:
    config = yaml.safe_load(text)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    if server:
        cluster["server"] = server
    if not authority:
        del cluster["certificate-authority-data"]
    if token:
        user["token"] = token
    return yaml.safe_dump(config)


def test_one_bad_cluster_disturbs_no_other_and_says_what_is_wrong(home: Home, sandbox_api: SandboxServer) -> None:
    given = sandbox_api.kubeconfig("admin")
    with (
        serve(answer(200, "<html>Sign in</html>", content_type="text/html")) as page,
        serve(answer(500, "no")) as broken,
    ):
        home.remember_clusters(
            {
                "expired": _kubeconfig(given, token="long-expired"),
                "nobody": sandbox_api.kubeconfig("nobody"),
                "gone": _kubeconfig(given, server="https://127.0.0.1:1"),
                "stranger": _kubeconfig(given, authority=False),
                "page": _kubeconfig(given, server=page.url, authority=False),
                "broken": _kubeconfig(given, server=broken.url, authority=False),
            }
        )
        home.start("workers.watcher")
        _is(home, GOOD, "Connected")
        want = {
            "expired": ("Unauthorized", "CredentialsRefused"),
            "nobody": ("Unauthorized", "RightsMissing"),
            "gone": ("Unreachable", "ServerUnreachable"),
            "stranger": ("Unreachable", "CertificateNotTrusted"),
            "page": ("Unreachable", "ServerUnreachable"),
            "broken": ("Unreachable", "ServerUnreachable"),
        }

        def found() -> dict[str, tuple[str, str]]:
            rows = home.rows("select name, state, state_reason from fleet_cluster where name != ?", GOOD)
            return {name: (state, reason) for name, state, reason in rows}

        eventually(lambda: found() == want, what="each says what is wrong with it")
    operands = json.loads(home.value("select state_operands from fleet_cluster where name = 'expired'"))
    assert "new kubeconfig or token" in operands["mend"]
    assert home.value(STATE, GOOD) == "Connected"


def test_it_ends_well_and_gives_its_lead_back(home: Home) -> None:
    watcher = home.start("workers.watcher")
    _is(home, GOOD, "Connected")
    assert home.value("select until from ledger_lease") is not None
    assert terminate(watcher) == 0
    assert home.value("select until from ledger_lease") is None


def test_a_watcher_that_was_killed_is_followed_at_once(home: Home, admin: Kube, namespace: str) -> None:
    watcher = home.start("workers.watcher")
    _is(home, GOOD, "Connected")
    epoch = home.value("select epoch from ledger_lease")
    watcher.kill()
    watcher.wait()
    admin.create(deployment(namespace, "late", replicas=3))
    home.start("workers.watcher")
    eventually(lambda: home.value(REPLICAS, namespace, "late") == 3, what="the next one has read it")
    assert home.value("select epoch from ledger_lease") == epoch + 1


def test_of_two_watchers_one_leads(home: Home, admin: Kube, namespace: str) -> None:
    first = home.start("workers.watcher", log="first")
    _is(home, GOOD, "Connected")
    home.start("workers.watcher", log="second")
    eventually(lambda: "watcher" in home.log("second") or home.log("second") == "", what="it runs")
    holder = home.value("select holder from ledger_lease")
    admin.create(deployment(namespace, "one", replicas=1))
    eventually(lambda: home.value(REPLICAS, namespace, "one") == 1, what="the leader works")
    assert home.value("select holder from ledger_lease") == holder
    terminate(first)
    admin.create(deployment(namespace, "two", replicas=1))
    eventually(lambda: home.value(REPLICAS, namespace, "two") == 1, what="the other has taken over")
    assert home.value("select holder from ledger_lease") != holder


def test_a_wish_to_wake_is_answered_at_once(home: Home, admin: Kube, namespace: str) -> None:
    """The first answer may be the first evaluation's; the second cannot wait for a tick that is an hour away."""
    marked = {SLEPT: mark_text(SleptMark(2, policy="", action="a"))}
    home.tick_every(3600)
    home.start("workers.watcher")
    _is(home, GOOD, "Connected")
    for name in ("first", "second"):
        raw = deployment(namespace, name, replicas=0)
        raw["metadata"]["annotations"] = marked
        made = admin.create(raw)
        eventually(lambda name=name: home.value(REPLICAS, namespace, name) == 0, what="the sleeper has a row")
        admin.patch(ref(made), body={"metadata": {"annotations": {WAKE: "now"}}})
        took = eventually(lambda name=name: home.value(WAKES, name) == 1, what="an action to wake it is due")
    assert took < 60  # a tick is an hour
