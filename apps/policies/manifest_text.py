"""A policy as the YAML a person writes: read, checked against the CRD's schema, every problem with its line.

1. The text is parsed to nodes, which know their lines, and to a value.
2. `apiVersion`, `kind`, `metadata` and then every field are held against the schema that the cluster has.
3. An error that names a path ("spec.scaleToZero.idleAfter", as the API server does) finds its line in the nodes.

CEL rules and cross-field checks are the API server's: its dry run is asked for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any

import yaml
from django.utils.translation import gettext as _

from apps.kernel.errors import InvalidInput
from apps.kernel.kinds import CLUSTER_RESOURCE_POLICY, RESOURCE_POLICY
from apps.policies import crd
from apps.policies.crd_parts import DURATION

MOST_BYTES = 256 * 1024
MOST_FIELDS = 20_000
"""Fields and items with every alias written out: a few lines of YAML can stand for billions."""
MOST_PROBLEMS = 100
"""Nobody reads more, and each unknown field is compared with all that there are."""
API_VERSION = RESOURCE_POLICY.api_version
KINDS = {RESOURCE_POLICY.kind: RESOURCE_POLICY, CLUSTER_RESOURCE_POLICY.kind: CLUSTER_RESOURCE_POLICY}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_STEP = re.compile(r"\[(\d+)\]|\[([^\]]+)\]|([^.\[\]]+)")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `line` and `column` count from 1; `end_column` is past its last character, 0 when not known."""

    message: str
    path: str = ""
    line: int = 1
    column: int = 1
    end_column: int = 0
    severity: str = "error"


@dataclass(frozen=True, slots=True)
class Document:
    """The manifest as a value, where each of its fields stands, and what is wrong with it. `value` is None when the
    text is not YAML, or not one mapping."""

    value: dict[str, Any] | None
    places: Mapping[Path, tuple[int, int, int]]
    problems: tuple[Problem, ...]

    def place(self, path: str) -> tuple[int, int, int]:
        """(line, column, end column) of a path as the API server writes it, or of the nearest field above it."""
        steps = parse_path(path)
        while steps and steps not in self.places:
            steps = steps[:-1]
        return self.places.get(steps, (1, 1, 0))

    def problem(self, message: str, path: str) -> Problem:
        line, column, end = self.place(path)
        return Problem(message, path, line, column, end)


def parse_path(path: str) -> Path:
    """`spec.targets[0].kinds` -> ("spec", "targets", 0, "kinds"); a list map's `[name]` stays a word."""
    return tuple(int(index) if index else word or name for index, word, name in _STEP.findall(path))


def read(text: str) -> Document:
    """The document in `text` with every problem that needs no cluster."""
    if len(text.encode()) > MOST_BYTES:
        return _unread(_("The text is too long: at most %(kib)s KiB.") % {"kib": MOST_BYTES // 1024})
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        if len(nodes) != 1 or not isinstance(nodes[0], yaml.MappingNode):
            return _unread(_("Write one policy: one YAML document that is a mapping."))
        places: dict[Path, tuple[int, int, int]] = {(): (1, 1, 0)}
        doubles = list(_walk(nodes[0], (), places, left=iter(range(MOST_FIELDS)), depth=0))
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Document(None, {}, (Problem(str(e.problem or e.context or "YAML"), "", *where),))
    except (yaml.YAMLError, RecursionError, ValueError) as e:
        return _unread(str(e)[:300])
    document = Document(value, places, ())
    return Document(value, places, (*doubles[:MOST_PROBLEMS], *_check(document)))


def _unread(message: str) -> Document:
    return Document(None, {}, (Problem(message),))


def _walk(
    node: yaml.Node, path: Path, places: dict[Path, tuple[int, int, int]], *, left: Iterator[int], depth: int
) -> Iterator[Problem]:
    """Notes where each field stands; yields keys that stand twice, which YAML would drop silently. `left` ends when
    there are too many."""
    if depth > 40:
        raise ValueError(_("The text is nested too deeply."))
    if next(left, None) is None:
        raise ValueError(_("The text has too many fields: at most %(most)s.") % {"most": MOST_FIELDS})
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value)
            at = (key.start_mark.line + 1, key.start_mark.column + 1, key.end_mark.column + 1)
            if (*path, name) in places:
                yield Problem(_("This field stands twice."), _dotted((*path, name)), *at)
            places[(*path, name)] = at
            yield from _walk(value, (*path, name), places, left=left, depth=depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            places[(*path, index)] = (item.start_mark.line + 1, item.start_mark.column + 1, 0)
            yield from _walk(item, (*path, index), places, left=left, depth=depth + 1)


def _dotted(path: Path) -> str:
    out = ""
    for step in path:
        out += f"[{step}]" if isinstance(step, int) else f".{step}" if out else str(step)
    return out


def schema_of(kind: str) -> dict[str, Any]:
    """The schema of a whole manifest for the editor: the CRD's, with apiVersion, kind and metadata spelled out."""
    wanted = KINDS.get(kind, RESOURCE_POLICY)
    definition = next(one for one in crd.definitions() if one["spec"]["names"]["kind"] == wanted.kind)
    found = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    metadata = {
        "type": "object",
        "required": ["name"],
        "description": _("Name, namespace, labels and annotations."),
        "properties": {
            "name": {"type": "string", "description": _("Unique among the policies of its kind and namespace.")},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }
    if wanted.namespaced:
        metadata["properties"]["namespace"] = {"type": "string", "description": _("Whose workloads it covers.")}  # type: ignore[index]
    return {
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"type": "string", "enum": [API_VERSION]},
            "kind": {"type": "string", "enum": list(KINDS)},
            "metadata": metadata,
            "spec": found["properties"]["spec"],
        },
    }


def _check(document: Document) -> list[Problem]:
    value = document.value
    if not isinstance(value, dict):
        return [Problem(_("Write one policy: one YAML document that is a mapping."))]
    kind = value.get("kind")
    if kind not in KINDS:
        words = _("kind must be one of %(kinds)s.") % {"kinds": ", ".join(KINDS)}
        return [document.problem(words, "kind")]
    if value.get("apiVersion") != API_VERSION:
        return [document.problem(_("apiVersion must be %(version)s.") % {"version": API_VERSION}, "apiVersion")]
    spoken = {k: v for k, v in value.items() if k != "status"}
    found = list(islice(_against(document, spoken, schema_of(kind), ()), MOST_PROBLEMS))
    name = (value.get("metadata") or {}).get("name") if isinstance(value.get("metadata"), dict) else None
    if isinstance(name, str) and not _NAME.fullmatch(name):
        words = _(
            "A name has lower-case letters, digits, hyphens and dots, and begins and ends with a letter or digit."
        )
        found.append(document.problem(words, "metadata.name"))
    return found


_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,),
}  # fmt: skip


def _against(document: Document, value: Any, schema: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    at = _dotted(path)
    wanted = schema.get("type")
    if wanted and not _is(value, wanted):
        words = _("This must be of type %(type)s.") % {"type": wanted}
        if wanted == "string":
            words = _("This must be a text: put it in quotes.")
        yield document.problem(words, at)
        return
    yield from (document.problem(words, at) for words in _scalar_problems(value, schema))
    if isinstance(value, dict):
        yield from _object(document, value, schema, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _against(document, item, schema.get("items") or {}, (*path, index))


def _is(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    return isinstance(value, _TYPES.get(wanted, (object,)))


def _object(document: Document, value: dict[Any, Any], schema: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    properties: Mapping[str, Any] = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    for name in schema.get("required") or ():
        if name not in value:
            yield document.problem(_("The field %(name)s is missing.") % {"name": name}, _dotted(path))
    for name, item in value.items():
        below = properties.get(name, extra if isinstance(extra, Mapping) else None)
        if below is not None:
            yield from _against(document, item, below, (*path, str(name)))
        elif properties:
            yield document.problem(_unknown(str(name), properties), _dotted((*path, str(name))))


def _unknown(name: str, properties: Mapping[str, Any]) -> str:
    close = get_close_matches(name, list(properties), n=1)
    if close:
        return _("There is no field %(name)s here. Did you mean %(close)s?") % {"name": name, "close": close[0]}
    return _("There is no field %(name)s here. There are: %(names)s.") % {"name": name, "names": ", ".join(properties)}


def _scalar_problems(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield _("This must be one of %(values)s.") % {"values": ", ".join(map(str, schema["enum"]))}
    if isinstance(value, str):
        yield from _text_problems(value, schema)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            low, high = schema.get("minimum", "−∞"), schema.get("maximum", "∞")
            yield _("This must be from %(low)s to %(high)s.") % {"low": low, "high": high}
    elif isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield _("This needs at least %(n)s entries.") % {"n": schema["minItems"]}
        if len(value) > schema.get("maxItems", len(value)):
            yield _("This may have at most %(n)s entries.") % {"n": schema["maxItems"]}


def _text_problems(value: str, schema: Mapping[str, Any]) -> Iterator[str]:
    if len(value) > schema.get("maxLength", len(value)):
        yield _("This may have at most %(n)s characters.") % {"n": schema["maxLength"]}
    if len(value) < schema.get("minLength", 0):
        yield _("This must not be empty.")
    pattern = schema.get("pattern")
    if pattern and not re.search(pattern, value):
        if pattern == DURATION:
            yield _("This must be a length of time such as 2h, 90m or 1h30m.")
        else:
            yield _("This must match %(pattern)s.") % {"pattern": pattern}


def with_error(document: Document, error: InvalidInput | Exception) -> list[Problem]:
    """What a service or the API server refused, each cause at its line."""
    causes = getattr(error, "causes", ())
    if causes:
        return [document.problem(message, field) for field, message in causes]
    message = str(getattr(error, "message", error))
    mend = getattr(error, "mend", None)
    return [document.problem(f"{message} ({mend})" if mend else message, getattr(error, "field", None) or "")]


def write(manifest: Mapping[str, Any]) -> str:
    """The manifest as YAML in the order people write it."""
    order = ("apiVersion", "kind", "metadata", "spec")
    sorted_keys = [name for name in order if name in manifest] + [name for name in manifest if name not in order]
    ordered = {name: manifest[name] for name in sorted_keys}
    text: str = yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=110)
    return text
