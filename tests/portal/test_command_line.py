"""The command line against a real server, as a user types it.

Aspects: output formats; exit codes 0, 1, 2; errors with field and mend on stderr; tokens; login; no Django for remote
verbs.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_django.live_server_helper import LiveServer

from apps.fleet.models import Cluster
from apps.identity.models import User
from apps.identity.services import issue_token
from tests.portal.test_health_and_metrics import make_decision

pytestmark = pytest.mark.django_db(transaction=True)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def admin(transactional_db: None) -> User:
    return User.objects.create_superuser("ada", password="correct horse battery")


@pytest.fixture
def run(live_server: LiveServer, admin: User, tmp_path: Path) -> Run:
    """`run("get", "clusters")` as another process, with a token of the administrator."""
    token = issue_token(user=admin, name="cli", scopes=["admin"], expires_in=None, actor="test")[1]

    def plimsoll(*arguments: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PLIMSOLL_")}
        own = {"PLIMSOLL_URL": live_server.url, "PLIMSOLL_TOKEN": token, "XDG_CONFIG_HOME": str(tmp_path), "LANG": "C"}
        return subprocess.run(
            [sys.executable, "-c", "from portal.cli.main import main; main()", *arguments],
            env={**clean, **own, "PLIMSOLL_HOME": str(tmp_path / "home"), **env},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return plimsoll


def items(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return found


def test_decisions_come_in_the_names_of_the_contract(run: Run) -> None:
    make_decision("NoRoute")
    found = items(run("get", "decisions", "-o", "json"))
    assert list(found[0]) == [
        "id",
        "time",
        "cluster",
        "namespace",
        "kind",
        "name",
        "verdict",
        "reason",
        "message",
        "evidence",
        "alternatives",
        "policy",
        "snapshot",
        "action",
        "state",
    ]
    assert (found[0]["kind"], found[0]["name"], found[0]["reason"]) == ("Deployment", "web", "NoRoute")


def test_filters_narrow_and_an_unknown_one_is_an_error_of_use(run: Run) -> None:
    make_decision("NoRoute")
    make_decision("TrafficSeen")
    assert len(items(run("get", "decisions", "--reason", "NoRoute", "--since", "1h", "-o", "json"))) == 1
    assert items(run("get", "decisions", "--cluster", "elsewhere", "-o", "json")) == []
    done = run("get", "nodes", "--reason", "NoRoute")
    assert done.returncode == 2
    assert "--reason" in done.stderr
    assert "mend: known: --cluster" in done.stderr


def test_table_json_and_yaml_say_the_same(run: Run) -> None:
    Cluster.objects.create(name="dev", server="https://dev.invalid", environment="test")
    table = run("get", "clusters").stdout.splitlines()
    assert table[0].split()[:2] == ["NAME", "STATE"]
    assert table[1].split()[0] == "dev"
    assert yaml.safe_load(run("get", "clusters", "-o", "yaml").stdout)["items"] == items(
        run("get", "clusters", "-o", "json")
    )
    assert json.loads(run("get", "cluster", "dev", "-o", "json").stdout)["environment"] == "test"


def test_what_is_not_there_is_1_and_what_is_asked_wrongly_is_2(run: Run) -> None:
    assert run("describe", "cluster", "nowhere").returncode == 1
    assert run("why", "deployment/web", "-n", "shop", "-c", "dev").returncode == 1
    assert run("get", "nonsense").returncode == 2
    assert run("sleep", "web").returncode == 2
    assert run("nonsense").returncode == 2
    assert run("get", "clusters", "-o", "xml").returncode == 2


def test_an_error_names_field_and_mend_on_stderr_and_leaves_stdout_empty(run: Run) -> None:
    done = run("cluster", "add", "dev", "--kubeconfig", "/nowhere/kubeconfig")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: --kubeconfig: /nowhere/kubeconfig cannot be read")
    assert "\nmend: " in done.stderr


def test_a_kubeconfig_that_would_run_code_on_the_server_is_refused_by_its_field(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    user = {"name": "u", "user": {"exec": {"command": "id", "apiVersion": "client.authentication.k8s.io/v1"}}}
    file.write_text(
        yaml.safe_dump(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [user],
            }
        )
    )
    done = run("cluster", "add", "dev", "--kubeconfig", str(file))
    assert done.returncode == 2, done.stderr
    assert "exec" in done.stderr
    assert not Cluster.objects.exists()


def test_without_a_token_it_says_how_to_get_one(run: Run) -> None:
    done = run("get", "clusters", PLIMSOLL_TOKEN="")
    assert done.returncode == 1
    assert "plimsoll login" in done.stderr


def test_login_keeps_a_token_for_the_owner_alone(run: Run, tmp_path: Path) -> None:
    done = run("login", "-u", "ada", "--password-stdin", stdin="correct horse battery\n", PLIMSOLL_TOKEN="")
    assert done.returncode == 0, done.stderr
    file = tmp_path / "plimsoll" / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("get", "clusters", PLIMSOLL_TOKEN="").returncode == 0
    assert run("logout").returncode == 0
    assert run("get", "clusters", PLIMSOLL_TOKEN="").returncode == 1


def test_a_wrong_password_is_1(run: Run) -> None:
    done = run("login", "-u", "ada", "--password-stdin", stdin="wrong\n", PLIMSOLL_TOKEN="")
    assert done.returncode == 1
    assert "do not match" in done.stderr


def test_a_broken_manifest_names_its_line(run: Run) -> None:
    done = run("policy", "preview", "-f", "-", stdin="kind: ResourcePolicy\nmetadata: {name: [\n")
    assert done.returncode == 2
    assert "line" in done.stderr


def test_a_closed_pipe_is_no_traceback(run: Run) -> None:
    assert "Traceback" not in run("get", "clusters", "-o", "json").stderr


def test_remote_verbs_load_no_django() -> None:
    code = "import portal.cli.main, apps.adapters.plimsoll_api, sys; print('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_command_helps_with_an_example(run: Run) -> None:
    for command in ("up", "get", "describe", "apply", "delete", "sleep", "wake", "why", "approve", "undo", "uninstall"):
        assert f"plimsoll {command}" in run(command, "--help").stdout


@pytest.mark.parametrize("token", ["of the server", ""])
def test_what_a_cluster_is_given_can_be_printed_with_a_login_and_without(run: Run, token: str) -> None:
    env = {} if token else {"PLIMSOLL_TOKEN": ""}
    done = run("cluster", "add", "dev", "--print", "--read-only", **env)
    assert done.returncode == 0, done.stderr
    kinds = [document["kind"] for document in yaml.safe_load_all(done.stdout)]
    assert kinds.count("CustomResourceDefinition") == 2
    assert "ClusterRole" in kinds
    assert not Cluster.objects.exists()


def test_the_port_that_up_took_is_found_in_the_state_folder(run: Run, live_server: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "url").write_text(f"http://127.0.0.1:{live_server.thread.port}\n")
    assert run("get", "clusters", PLIMSOLL_URL="").returncode == 0


def test_a_state_folder_cannot_send_the_token_to_another_machine(run: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "url").write_text("https://elsewhere.example\n")
    done = run("get", "clusters", PLIMSOLL_URL="")
    assert done.returncode == 1
    assert "elsewhere" not in done.stderr
    assert "127.0.0.1:8000" in done.stderr


@pytest.mark.parametrize("verb", ["undo", "approve", "reject"])
def test_what_is_no_id_is_refused_with_the_list_that_has_them(run: Run, verb: str) -> None:
    done = run(verb, "web", "--reason", "x")
    assert done.returncode == 2
    assert "'web' is no id" in done.stderr
    assert "plimsoll get a" in done.stderr


def test_a_workload_that_is_not_there_is_told_with_where_it_was_looked_for(run: Run) -> None:
    done = run("wake", "deployment/web", "--namespace", "shpo", "--cluster", "dev")
    assert done.returncode == 1
    assert "no workload 'web' with kind Deployment, namespace shpo, cluster dev" in done.stderr
