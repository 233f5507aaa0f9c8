"""The kubectl list, tried on any cluster, so that two clusters can be compared by what kubectl says of them.

    python -m tests.contract.kubectl_script run --kubeconfig FILE [--context C] [--no-controllers] > OUT.json
    python -m tests.contract.kubectl_script compare SANDBOX.json REAL.json

`run` makes a namespace of its own, works through `STEPS` in order and prints, for each, the exit code and the outputs
with everything that may differ between two honest clusters made equal: ages, times, uids, versions, addresses, hashes,
random suffixes, the order of field errors. `compare` prints the steps whose answers differ and exits 1 if there are any
that `KNOWN` does not explain.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.contract.kubectl_steps import FILES, KNOWN, NAMESPACE, STEPS, Step

KUBECTL = str(Path(sys.executable).parent / "kubectl")
_RULES: tuple[tuple[str, str], ...] = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "<time>"),
    (r'(resourceVersion\\?"?: ?\\?)"\d+\\?"', r'\1"<version>"'),
    (r"^(---|\+\+\+) \S*(LIVE|MERGED)-\d+/.*$", r"\1 <diff>"),
    (r"https://127\.0\.0\.1:\d+\S*", "<server>"),
    (r"\b10\.\d+\.\d+\.\d+\b", "<ip>"),
    (r"-[0-9a-z]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "-<hash>-<suffix>"),
    (r"(pod-template-hash|controller-revision-hash)([=:]\s*\"?)[\w-]+", r"\1\2<hash>"),
    (r"\bweb-[0-9a-z]{8,10}\b", "web-<hash>"),
    (r"(job-|web-|once-)[bcdfghjklmnpqrstvwxz2456789]{5}\b", r"\1<suffix>"),
    (r"\b(\d+d)?(\d+h)?(\d+m)?\d+s\b", "<age>"),
    (r"(?<=  )\d{1,2}m(?=  |$)", "<age>"),  # a whole minute, as a column
    (r"\b\d+:3\d{4}/TCP", "<ports>"),
)


@dataclass(slots=True)
class Result:
    """What one step said."""

    name: str
    command: str
    code: int
    out: str
    err: str


def normalised(text: str) -> str:
    """The text with what may honestly differ made equal, and runs of spaces as one, since columns follow widths."""
    for pattern, replacement in _RULES:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    lines = [re.sub(r" {2,}|\t+", "  ", line).rstrip() for line in text.splitlines()]
    errors = sorted(line for line in lines if line.startswith("* "))  # Go walks maps in no order
    return "\n".join(errors.pop(0) if line.startswith("* ") else line for line in lines)


def run_step(step: Step, *, base: list[str], folder: Path) -> Result:
    """Run one step; a step with `endless` is killed after its seconds and what it printed until then counts."""
    command = [*base, *(["-n", NAMESPACE] if step.namespaced else []), *step.args]
    environment = {**os.environ, "KUBECTL_EXTERNAL_DIFF": "diff -u"}
    try:
        done = subprocess.run(
            command,
            input=step.stdin,
            capture_output=True,
            text=True,
            timeout=step.seconds,
            cwd=folder,
            env=environment,
            check=False,
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        code, out, err = -1, _text(late.stdout), _text(late.stderr)
    if step.keep:
        out = "\n".join(line for line in out.splitlines() if re.search(step.keep, line))
    if step.quiet:
        out = ""
    return Result(step.name, " ".join(step.args), code, normalised(out), normalised(err))


def _text(raw: bytes | str | None) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw or ""


def run(kubeconfig: Path, *, context: str = "", controllers: bool = True) -> list[Result]:
    """Every step's result, in order. Leaves nothing behind but the namespace's termination."""
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in FILES.items():
            (folder / file).write_text(content)
        base = [KUBECTL, f"--kubeconfig={kubeconfig.absolute()}", f"--cache-dir={folder / 'cache'}"]
        base += [f"--context={context}"] if context else []
        for step in STEPS:
            if controllers or not step.controllers:
                results.append(run_step(step, base=base, folder=folder))
    return results


def differences(left: list[Result], right: list[Result]) -> dict[str, str]:
    """The diff of each step that both ran and answered differently."""
    others = {result.name: result for result in right}
    found = {}
    for mine in left:
        theirs = others.get(mine.name)
        if theirs is None or (mine.code, mine.out, mine.err) == (theirs.code, theirs.out, theirs.err):
            continue
        left_lines, right_lines = (f"exit {side.code}\n{side.out}\n{side.err}".splitlines() for side in (mine, theirs))
        lines = difflib.unified_diff(left_lines, right_lines, "left", "right", lineterm="", n=1)
        found[mine.name] = "\n".join([f"$ kubectl {mine.command}", *lines])
    return found


def load(path: str | Path) -> list[Result]:
    """What `run` printed into a file."""
    return [Result(**entry) for entry in json.loads(Path(path).read_text())]


def main(arguments: list[str]) -> int:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="kubectl_script")
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run")
    runner.add_argument("--kubeconfig", type=Path, required=True)
    runner.add_argument("--context", default="")
    runner.add_argument("--no-controllers", action="store_true")
    comparer = commands.add_parser("compare")
    comparer.add_argument("left")
    comparer.add_argument("right")
    options = parser.parse_args(arguments)
    if options.command == "run":
        results = run(options.kubeconfig, context=options.context, controllers=not options.no_controllers)
        sys.stdout.write(json.dumps([asdict(result) for result in results], indent=1) + "\n")
        return 0
    left = load(options.left)
    found = differences(left, load(options.right))
    for name, text in found.items():
        sys.stdout.write(f"=== {name}: {KNOWN.get(name, 'DIFFERENT')}\n{text}\n")
    unexplained = [name for name in found if name not in KNOWN]
    sys.stdout.write(f"{len(left)} steps, {len(left) - len(found)} the same, {len(found) - len(unexplained)} known, ")
    sys.stdout.write(f"{len(unexplained)} unexplained\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
