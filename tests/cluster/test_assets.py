"""Where the control plane's binaries come from: KUBEBUILDER_ASSETS, the cache, or a build that can be cut short.

A small program stands in for `go` here: the real build takes minutes, and `make kube-assets` is that test.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deploy.kube import assets

NAMES = [tool.name for tool in assets.TOOLS]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no binaries from elsewhere."""
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts a stand-in for `go` on PATH; gives the file in which it notes each package it built."""
    log = tmp_path / "built"
    log.touch()
    stages = tmp_path / "module" / "kustomize" / "stage"
    for name in ("node/fast", "node/heartbeat-with-lease", "pod/fast"):
        (stages / name).mkdir(parents=True)
        (stages / name / "stage.yaml").write_text("kind: Stage")
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(
        f"""#!/bin/sh
if [ "$1" = list ]; then echo '{{"Dir": "{tmp_path / "module"}", "Time": "2026-01-01T00:00:00Z"}}'; exit; fi
for last; do :; done
[ "$last" = "$FAIL" ] && exit 1
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\n' > "$2" && chmod +x "$2" && echo "$last" >> {log}
"""
    )
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    return log


def test_what_kubebuilder_assets_names_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        (tmp_path / name).touch(mode=0o755)
    (tmp_path / "kwok-stages").mkdir()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert assets.find() == assets.build() == tmp_path


def test_what_kubebuilder_assets_lacks_is_named_and_not_built(
    tmp_path: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etcd").touch(mode=0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    with pytest.raises(assets.AssetsMissing, match="lacks kwok, kube-apiserver.*unset KUBEBUILDER_ASSETS"):
        assets.build()
    assert built.read_text() == ""


def test_an_empty_cache_says_what_to_run() -> None:
    with pytest.raises(assets.AssetsMissing, match="make kube-assets"):
        assets.find()


def test_no_go_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(assets.AssetsMissing, match="no 'go' on PATH"):
        assets.build()


def test_a_build_makes_all_once(built: Path) -> None:
    folder = assets.build()
    assert folder == assets.find()
    assert (folder / "kwok-stages" / "pod-fast-stage.yaml").exists()
    first = built.read_text()
    assert len(first.splitlines()) == len(NAMES)
    assert assets.build() == folder
    assert built.read_text() == first


def test_a_build_that_was_cut_short_goes_on(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL", "k8s.io/kubernetes/cmd/kube-scheduler")
    with pytest.raises(assets.AssetsMissing, match="kube-scheduler failed"):
        assets.build()
    with pytest.raises(assets.AssetsMissing, match="lacks kube-scheduler, kwok-stages"):
        assets.find()
    monkeypatch.delenv("FAIL")
    assets.build()
    assert len(built.read_text().splitlines()) == len(NAMES)


def test_two_builds_at_once_build_each_binary_once(built: Path) -> None:
    threads = [threading.Thread(target=assets.build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(built.read_text().split()) == sorted(tool.package for tool in assets.TOOLS)


def test_the_command_tells_what_is_missing_and_fails() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.kube.assets", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "make kube-assets" in done.stderr
    assert done.stdout == ""
