"""Builds and finds the binaries of a real Kubernetes control plane, once per machine.

    python -m deploy.kube.assets            builds what is missing, prints the folder
    python -m deploy.kube.assets --check    prints the folder, or what is missing (exit 1)

The sources are Go modules pinned with their checksums (go.mod, go.sum beside this file), so nothing
but the Go module proxy is needed and every machine builds the same program. The folder is
`KUBEBUILDER_ASSETS` where that is set (as envtest names it; then nothing is built), else
`~/.cache/plimsoll/kube/<hash of the pins>`.

Each binary is built under a temporary name and renamed, so a build that was cut short goes on where
it stopped and a half-written binary is never run. A lock keeps two builds apart.
"""

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
STAGES = "kwok-stages"
RECIPE = "1"
"""Raised by hand when the way of building changes so that old binaries must not be used."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One binary: its name, the folder of its go.mod, the Go package, and what the linker stamps in."""

    name: str
    module_dir: str
    package: str
    required: bool = True
    stamps: dict[str, str] = field(default_factory=dict)


KUBERNETES_STAMPS = {"gitVersion": "v1.36.3", "gitMajor": "1", "gitMinor": "36", "gitTreeState": "clean"}

# Smallest first: what takes four minutes comes last, and the others are ready meanwhile.
TOOLS = (
    Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    Tool("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", stamps={"sigs.k8s.io/kwok/pkg/consts.Version": "0.8.0"}),
    *(
        Tool(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}")
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    ),
)


class AssetsMissing(Exception):
    """The binaries are not there and cannot be built; the message says what to do."""


def pins_hash() -> str:
    """Twelve hex digits that change when a pin or the recipe changes."""
    digest = hashlib.sha256(RECIPE.encode())
    for path in [*sorted(HERE.glob("*/go.mod")), *sorted(HERE.glob("*/go.sum"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def assets_dir() -> Path:
    """The folder that holds the binaries, whether or not they are there yet."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    if named:
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "plimsoll" / "kube" / pins_hash()


def missing(folder: Path) -> list[str]:
    """The names of the binaries that `folder` lacks, and of the folder of kwok's stages."""
    absent = [tool.name for tool in TOOLS if not os.access(folder / tool.name, os.X_OK)]
    return absent if (folder / STAGES).is_dir() else [*absent, STAGES]


def find() -> Path:
    """The folder of complete assets; raises AssetsMissing when there is none. Builds nothing."""
    folder = assets_dir()
    absent = missing(folder)
    if not absent:
        return folder
    if "KUBEBUILDER_ASSETS" in os.environ:
        mend = "put them there, or unset KUBEBUILDER_ASSETS and run 'make kube-assets'"
    else:
        mend = "run 'make kube-assets' (about six minutes once, needs Go 1.26)"
    raise AssetsMissing(f"{folder} lacks {', '.join(absent)}: {mend}")


def build() -> Path:
    """The folder of complete assets, after building what was missing there."""
    folder = assets_dir()
    if "KUBEBUILDER_ASSETS" in os.environ:
        return find()
    if not missing(folder):
        return folder
    go = shutil.which("go")
    if go is None:
        raise AssetsMissing(
            f"{folder} lacks {', '.join(missing(folder))}, and there is no 'go' on PATH to build them: "
            "install Go 1.26 or later, or point KUBEBUILDER_ASSETS at a folder that has them"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for tool in TOOLS:
            if not os.access(folder / tool.name, os.X_OK):
                _build_one(tool, folder=folder, go=go)
        _copy_stages(folder, go=go)
    return folder


def _build_one(tool: Tool, *, folder: Path, go: str) -> None:
    """Builds one binary and renames it into place, so that it is there whole or not at all."""
    sys.stderr.write(f"building {tool.name} ...\n")
    partial = folder / f".{tool.name}.partial"
    command = [go, "build", "-trimpath", "-mod=readonly", "-ldflags", _linker_flags(tool, go=go)]
    done = subprocess.run(  # noqa: S603  a fixed command
        [*command, "-o", str(partial), tool.package],
        cwd=HERE / tool.module_dir,
        env={**os.environ, "CGO_ENABLED": "0"},
        check=False,
    )
    if done.returncode:
        raise AssetsMissing(f"go build {tool.package} failed with exit code {done.returncode}; see above")
    partial.replace(folder / tool.name)


def _linker_flags(tool: Tool, *, go: str) -> str:
    """Stamps versions in: without them `kubectl version` and discovery look wrong."""
    stamps = dict(tool.stamps)
    if tool.module_dir == "kubernetes":
        # The pin's own time, not the clock: the same pins must give the same binary.
        built = _module(go, module="k8s.io/kubernetes", module_dir="kubernetes")["Time"]
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
            values = {**KUBERNETES_STAMPS, "buildDate": built}
            stamps |= {f"{package}.{name}": value for name, value in values.items()}
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamps.items())])


def _module(go: str, *, module: str, module_dir: str) -> dict[str, str]:
    """What `go list -m` knows about a module: its Dir in the module cache and the Time of its version."""
    command = [go, "list", "-m", "-json", module]
    done = subprocess.run(  # noqa: S603  a fixed command
        command, cwd=HERE / module_dir, check=True, capture_output=True, text=True
    )
    known: dict[str, str] = json.loads(done.stdout)
    return known


def _copy_stages(folder: Path, *, go: str) -> None:
    """Copies kwok's default stages, without which its pods never run."""
    source = Path(_module(go, module="sigs.k8s.io/kwok", module_dir="kwok")["Dir"]) / "kustomize" / "stage"
    partial = folder / f".{STAGES}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for name in ("node/fast", "node/heartbeat-with-lease", "pod/fast"):
        for path in sorted((source / name).glob("*.yaml")):
            if path.name != "kustomization.yaml":
                shutil.copyfile(path, partial / f"{name.replace('/', '-')}-{path.name}")
    target = folder / STAGES
    shutil.rmtree(target, ignore_errors=True)
    partial.replace(target)


def main() -> int:
    """Exit code 0 and the folder on stdout, or 1 and the reason on stderr."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="build nothing")
    arguments = parser.parse_args()
    try:
        folder = find() if arguments.check else build()
    except AssetsMissing as problem:
        sys.stderr.write(f"kube-assets: {problem}\n")
        return 1
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
