"""The JSONPath of printer columns: `.a.b`, `[0]`, `[*]`, `['key']`, `["a.b"]`, `[?(@.x=="y")]`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

JsonPath = Callable[[Any], list[Any]]
Step = Callable[[Any], list[Any]]

_TOKEN = re.compile(
    r"\.(?P<field>(?:\\.|[^.\[\]\\])+)"
    r"|\[\?\(@\.(?P<left>[^=!<>]+?)\s*(?P<op>==|!=)\s*(?P<right>\"[^\"]*\"|'[^']*'|[^)]+)\)\]"
    r"|\[(?P<index>-?\d+)\]"
    r"|\[(?P<all>\*)\]"
    r"|\[(?P<quoted>'[^']*'|\"[^\"]*\")\]"
)


def _field(name: str) -> Step:
    if name == "*":
        return _every
    return lambda node: [node[name]] if isinstance(node, dict) and name in node else []


def _every(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return list(node) if isinstance(node, list) else []


def _index(position: int) -> Step:
    def step(node: Any) -> list[Any]:
        inside = isinstance(node, list) and -len(node) <= position < len(node)
        return [node[position]] if inside else []

    return step


def _filter(left: str, *, operator: str, right: str) -> Step:
    path = compile_path(f".{left}")
    wanted = right.strip().strip("\"'")

    def step(node: Any) -> list[Any]:
        found = []
        for item in node if isinstance(node, list) else []:
            values = path(item)
            same = bool(values) and _text(values[0]) == wanted
            if same is (operator == "=="):
                found.append(item)
        return found

    return step


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _step(match: re.Match[str]) -> Step:
    if (name := match["field"]) is not None:
        return _field(re.sub(r"\\(.)", r"\1", name))
    if match["left"] is not None:
        return _filter(match["left"], operator=match["op"], right=match["right"])
    if match["index"] is not None:
        return _index(int(match["index"]))
    if match["quoted"] is not None:
        return _field(match["quoted"][1:-1])
    return _every


def compile_path(text: str) -> JsonPath:
    """A function from a value to what the path finds in it. Raises ValueError."""
    body = text.strip().removeprefix("{").removesuffix("}")
    if not body.startswith((".", "[")):
        body = f".{body}"
    steps, position = [], 0
    while position < len(body):
        match = _TOKEN.match(body, position)
        if match is None:
            raise ValueError(f"not a JSON path: {text}")
        steps.append(_step(match))
        position = match.end()

    def run(value: Any) -> list[Any]:
        nodes = [value]
        for step in steps:
            nodes = [found for node in nodes for found in step(node)]
        return nodes

    return run
