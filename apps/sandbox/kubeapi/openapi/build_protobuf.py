"""Makes the field tables by which protobuf bodies are read.

    python -m apps.sandbox.kubeapi.openapi.build_protobuf API MACHINERY EXTENSIONS

The three folders are the modules k8s.io/api, k8s.io/apimachinery and k8s.io/apiextensions-apiserver (Apache License
2.0). Each `generated.proto` says the number, name and type of a field; the `types.go` beside it says which fields are
pointers (so that a zero means something) and which are inlined in JSON.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = (
    "apps/v1", "authentication/v1", "authorization/v1", "autoscaling/v1", "autoscaling/v2", "batch/v1",
    "coordination/v1", "core/v1", "discovery/v1", "networking/v1", "policy/v1", "rbac/v1", "scheduling/v1",
    "storage/v1",
)  # fmt: skip
MACHINERY = ("pkg/apis/meta/v1", "pkg/api/resource", "pkg/runtime", "pkg/util/intstr")
_MESSAGE = re.compile(r"^message (\w+) \{", re.MULTILINE)
_FIELD = re.compile(r"^\s*(optional|repeated|map<(\w+), ?([\w.]+)>)\s*([\w.]+)?\s+(\w+) = (\d+);", re.MULTILINE)
_STRUCT = re.compile(r"^type (\w+) struct \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_TAGGED = re.compile(r'^\s*(?:\w+\s+)?(\S+)\s+`json:"([^"]*)"[^`]*protobuf:"[^"]*name=(\w+)', re.MULTILINE)
_SCALARS = {"string", "bytes", "bool", "int32", "int64", "double"}


def _flags(source: str) -> dict[tuple[str, str], str]:
    """`p` for pointers and `i` for inlined fields, by struct and protobuf name."""
    found: dict[tuple[str, str], str] = {}
    for struct, body in _STRUCT.findall(source):
        for kind, tag, name in _TAGGED.findall(body):
            flag = "i" if "inline" in tag else "p" if kind.startswith("*") else ""
            if flag:
                found[(struct, name)] = flag
    return found


def _type(name: str, *, package: str) -> str:
    if name in _SCALARS:
        return name
    return name.lstrip(".") if name.startswith(".") else f"{package}.{name}"


def _messages(folder: Path) -> dict[str, list[list[object]]]:
    text = re.sub(r"//.*", "", (folder / "generated.proto").read_text())
    match = re.search(r"^package ([\w.]+);", text, re.MULTILINE)
    package = match.group(1) if match else ""
    flags = _flags("\n".join(path.read_text() for path in sorted(folder.glob("*.go")) if "generated" not in path.name))
    starts = [*_MESSAGE.finditer(text)]
    found: dict[str, list[list[object]]] = {}
    for index, start in enumerate(starts):
        end = starts[index + 1].start() if index + 1 < len(starts) else len(text)
        rows: list[list[object]] = []
        for label, _, value, kind, name, number in _FIELD.findall(text[start.end() : end]):
            shape = "m" if label.startswith("map") else label[0]
            rows.append([int(number), name, _type(value or kind, package=package), shape,
                         flags.get((start.group(1), name), "")])  # fmt: skip
        found[f"{package}.{start.group(1)}"] = rows
    return found


def main(api: str, machinery: str, extensions: str) -> None:
    """Write protobuf.json.gz beside this file."""
    folders = [Path(api) / name for name in PACKAGES] + [Path(machinery) / name for name in MACHINERY]
    folders.append(Path(extensions) / "pkg/apis/apiextensions/v1")
    tables: dict[str, list[list[object]]] = {}
    for folder in folders:
        tables |= _messages(folder)
    text = json.dumps(tables, separators=(",", ":"), sort_keys=True).encode()
    (HERE / "protobuf.json.gz").write_bytes(gzip.compress(text, compresslevel=9, mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:4])
