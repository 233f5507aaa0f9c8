"""Sets of field paths, as `managedFields` writes them, and how they are found in objects.

A path is a tuple of elements in the spelling of fieldsV1: `f:name`, `k:{"name":"web"}`, `v:"x"`. The two readings
follow sigs.k8s.io/structured-merge-diff: `of_object` is its ToFieldSet, `compare` its Compare.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from apps.sandbox.kubeapi.typed import EMPTY, Schema, Types, is_atomic_map, is_scalar, item_key, keyed, list_kind

Path = tuple[str, ...]
Paths = set[Path]
_MISSING: Any = object()


def parse(fields: dict[str, Any] | None) -> Paths:
    """The paths of a fieldsV1 tree."""
    found: Paths = set()

    def walk(node: dict[str, Any], prefix: Path) -> None:
        for element, below in node.items():
            if element == ".":
                found.add(prefix)
            elif below:
                walk(below, (*prefix, element))
            else:
                found.add((*prefix, element))

    walk(fields or {}, ())
    return found


def render(paths: Iterable[Path]) -> dict[str, Any]:
    """The fieldsV1 tree of some paths."""
    members = set(paths)
    root: dict[str, Any] = {}
    for path in sorted(members):
        node = root
        for element in path:
            node = node.setdefault(element, {})
    for path in members:
        node = root
        for element in path:
            node = node[element]
        if node:
            node["."] = {}
    return _ordered(root)


def _ordered(node: dict[str, Any]) -> dict[str, Any]:
    return {key: _ordered(node[key]) for key in sorted(node)}


def text(path: Path) -> str:
    """The path as conflicts name it: `.spec.containers[name="web"].image`."""
    parts = []
    for element in path:
        kind, _, rest = element.partition(":")
        if kind == "f":
            parts.append(f".{rest}")
        elif kind == "k":
            pairs = (f"{key}={json.dumps(value)}" for key, value in sorted(json.loads(rest).items()))
            parts.append("[" + ",".join(pairs) + "]")
        else:
            parts.append(f"[={rest}]")
    return "".join(parts)


def of_object(types: Types, *, node: Schema, value: Any) -> Paths:
    """The paths that an applied configuration claims."""
    found: Paths = set()

    def claim(node: Schema, value: Any, path: Path) -> None:
        if isinstance(value, dict) and not is_scalar(node):
            if is_atomic_map(node):
                found.add(path)
                return
            for name, item in value.items():
                below = (*path, f"f:{name}")
                claim(types.child(node, name=name), item, below)
                if item is None or item == {} or types.struct_field(node, name=name) is None:
                    found.add(below)
        elif isinstance(value, list) and list_kind(node) != "atomic":
            for item in value:
                key = item_key(types, node=node, item=item)
                if key is not None:
                    claim(types.items(node), item, (*path, key))
                    found.add((*path, key))
        else:
            found.add(path)

    claim(node, value, ())
    found.discard(())
    return found


@dataclass(slots=True)
class Comparison:
    """The paths that a change added, modified and removed."""

    added: Paths = field(default_factory=set)
    modified: Paths = field(default_factory=set)
    removed: Paths = field(default_factory=set)


def compare(types: Types, *, node: Schema, old: Any, new: Any) -> Comparison:
    """What changed from `old` to `new`, containers that came or went included."""
    walker = _Comparer(types)
    walker.visit(node, old, new, ())
    for paths in (walker.result.added, walker.result.modified, walker.result.removed):
        paths.discard(())
    return walker.result


class _Comparer:
    def __init__(self, types: Types) -> None:
        self.types = types
        self.result = Comparison()

    def visit(self, node: Schema, old: Any, new: Any, path: Path) -> None:
        if old is new:  # shared subtree: nothing changed below
            return
        if self._is_leaf(node, old, new):
            self._leaf(old, new, path)
            return
        sides = [side for side in (old, new) if side is not _MISSING and side is not None]
        if isinstance(sides[0], dict):
            self._maps(node, old, new, path)
        else:
            self._lists(node, old, new, path)
        if old is _MISSING:
            self.result.added.add(path)
        elif new is _MISSING:
            self.result.removed.add(path)

    @staticmethod
    def _is_leaf(node: Schema, old: Any, new: Any) -> bool:
        sides = [side for side in (old, new) if side is not _MISSING and side is not None]
        if not any(sides) or is_scalar(node):
            return True
        if all(isinstance(side, dict) for side in sides):
            return is_atomic_map(node)
        if all(isinstance(side, list) for side in sides):
            return list_kind(node) == "atomic"
        return True

    def _leaf(self, old: Any, new: Any, path: Path) -> None:
        if old is _MISSING:
            self.result.added.add(path)
        elif new is _MISSING:
            self.result.removed.add(path)
        elif old != new:
            self.result.modified.add(path)

    def _maps(self, node: Schema, old: Any, new: Any, path: Path) -> None:
        left = old if isinstance(old, dict) else {}
        right = new if isinstance(new, dict) else {}
        for name in {**left, **right}:
            below = self.types.child(node, name=name)
            self.visit(below, left.get(name, _MISSING), right.get(name, _MISSING), (*path, f"f:{name}"))

    def _lists(self, node: Schema, old: Any, new: Any, path: Path) -> None:
        left = keyed(self.types, node=node, items=old if isinstance(old, list) else None)
        right = keyed(self.types, node=node, items=new if isinstance(new, list) else None)
        below = self.types.items(node)
        for key in {**left, **right}:
            self.visit(below, left.get(key, _MISSING), right.get(key, _MISSING), (*path, key))


def with_named_parents(types: Types, *, node: Schema, paths: Paths) -> Paths:
    """The paths plus every declared field on the way to one (EnsureNamedFieldsAreMembers)."""
    found = set(paths)
    for path in paths:
        here = node
        for depth, element in enumerate(path[:-1]):
            kind, _, name = element.partition(":")
            if kind == "f":
                if types.struct_field(here, name=name) is not None:
                    found.add(path[: depth + 1])
                here = types.child(here, name=name)
            else:
                here = types.items(here)
    return found


def without(types: Types, *, node: Schema, value: Any, paths: Paths) -> Any:
    """A copy of the object less the items at these paths; containers emptied that way go too."""
    return _remove(types, node, value, render_trie(paths))


Trie = dict[str, Any]


def render_trie(paths: Paths) -> Trie:
    """The paths as a tree whose removed members are marked by the key "."."""
    root: Trie = {}
    for path in paths:
        here = root
        for element in path:
            here = here.setdefault(element, {})
        here["."] = True
    return root


def _remove(types: Types, node: Schema, value: Any, trie: Trie) -> Any:
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        for name, item in value.items():
            below = trie.get(f"f:{name}", EMPTY)
            if "." in below:
                continue
            result = _remove(types, types.child(node, name=name), item, dict(below)) if below else item
            if not (below and result in ({}, [])):
                kept[name] = result
        return kept
    if isinstance(value, list) and list_kind(node) != "atomic":
        items = []
        for item in value:
            below = trie.get(item_key(types, node=node, item=item) or "", EMPTY)
            if "." not in below:
                items.append(_remove(types, types.items(node), item, dict(below)) if below else item)
        return items
    return value
