"""The docs tell the truth: commands exist and do what they say, links lead somewhere, no setting is left out."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from apps.kernel.actions import SLEPT, mark_text
from apps.kernel.vocab import SleptMark
from portal.cli.main import app
from tests.sandbox.kubeapi.live import KUBECTL
from tests.sandbox_server import SandboxServer

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def block_of(page: str, name: str) -> str:
    """The shell block after the comment `<!-- tested: name -->`."""
    text = (ROOT / "docs" / page).read_text()
    match = re.search(rf"<!-- tested: {re.escape(name)} -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert match, f"{page} has no block {name}"
    return match[1]


def run_shell(script: str, kubeconfig: Path, tmp_path: Path) -> str:
    """As a person would, with no Plimsoll and nothing but kubectl."""
    (tmp_path / "bin").mkdir(exist_ok=True)
    shutil.copy(KUBECTL, tmp_path / "bin" / "kubectl")
    env = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "KUBECONFIG": str(kubeconfig), "HOME": str(tmp_path)}
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", script], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def sleeping(kind: str, *, mark: SleptMark) -> dict[str, Any]:
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": "shop", "annotations": {SLEPT: mark_text(mark)}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    }


@pytest.fixture
def kubeconfig(sandbox_api: SandboxServer, tmp_path: Path) -> Path:
    file = tmp_path / "kubeconfig"
    file.write_text(sandbox_api.kubeconfig("admin"))
    return file


@pytest.mark.skipif(os.name != "posix" or not KUBECTL.exists(), reason="needs kubectl and a shell")
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_the_documented_kubectl_commands_wake_a_workload_as_it_was(kind: str, kubeconfig: Path, tmp_path: Path) -> None:
    namespace = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    mark = SleptMark(replicas=3, policy="ResourcePolicy/shop/night", action="01a20e45")
    (tmp_path / "web.json").write_text(json.dumps(sleeping(kind, mark=mark)))
    (tmp_path / "ns.json").write_text(namespace)
    run_shell(f"kubectl apply -f {tmp_path}/ns.json && kubectl create -f {tmp_path}/web.json", kubeconfig, tmp_path)
    try:
        script = block_of("how-to/wake-with-kubectl.md", "wake-without-plimsoll")
        run_shell(script.replace("deployment", kind.lower()), kubeconfig, tmp_path)
        woken = json.loads(run_shell(f"kubectl get {kind.lower()} web -n shop -o json", kubeconfig, tmp_path))
        assert woken["spec"]["replicas"] == 3
        assert SLEPT not in woken["metadata"].get("annotations", {})
    finally:
        run_shell(f"kubectl delete {kind.lower()} web -n shop --wait=false", kubeconfig, tmp_path)


def documented_commands() -> Iterator[Any]:
    """Every line of a code block that runs `plimsoll`, with its continuation, placeholders kept."""
    for page in PAGES:
        if page.name == "cli.md":
            continue  # generated from the commands themselves
        text = page.read_text().replace("\\\n", " ")
        for line in re.findall(r"^(?: {4,}|\t|(?=plimsoll ))(.*\bplimsoll .*)$", text, re.MULTILINE):
            for command in re.findall(r"(?:^|\$\(|\| |bin/)plimsoll ([^)|&<>#]+)", line):
                if not command.startswith("COMMAND"):
                    yield pytest.param(command.strip(), id=f"{page.name}: {command.strip()[:60]}")


@pytest.mark.parametrize("command", list(documented_commands()))
def test_every_documented_command_is_understood(command: str) -> None:
    group = typer.main.get_command(app)
    words = shlex.split(command)
    context = None
    while hasattr(group, "commands"):
        assert words, command
        assert words[0] in group.commands, command
        group, words = group.commands[words[0]], words[1:]
    if words != ["--help"]:
        context = group.make_context("plimsoll", words, resilient_parsing=False)
        assert context is not None


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in PAGES
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert broken == []


def test_every_setting_is_documented_and_no_other() -> None:
    read = set()
    for source in [*(ROOT / "portal").rglob("*.py"), *(ROOT / "apps").rglob("*.py"), *(ROOT / "workers").rglob("*.py")]:
        text = source.read_text()
        read |= set(re.findall(r"env_(?:text|bool|int|list)\(\s*\"(PLIMSOLL_[A-Z_]+)\"", text))
        read |= set(re.findall(r"kept_secret\(\s*\"(PLIMSOLL_[A-Z_]+)\"", text))
        read |= set(re.findall(r"environ\.get\(\s*\"(PLIMSOLL_[A-Z_]+?)(?:_FILE)?\"", text))
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    documented = set(re.findall(r"^\| `(PLIMSOLL_[A-Z_]+)`", page, re.MULTILINE))
    # PLIMSOLL_CA_FILE ends so by name; PLIMSOLL_KILL_AT and PLIMSOLL_WRITE_POINTS steer the tests of crashes.
    hidden = {"PLIMSOLL_CA", "PLIMSOLL_KILL_AT", "PLIMSOLL_WRITE_POINTS"}
    assert read - hidden == documented - {"PLIMSOLL_CA_FILE"}


def test_the_docs_name_no_path_of_a_machine() -> None:
    for page in PAGES:
        assert not re.search(r"/(root|home|work)/", page.read_text()), page
