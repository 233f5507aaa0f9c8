"""`x-kubernetes-validations`: rules in CEL, compiled once for a schema and run over an object and its predecessor.

Where it differs from a real server: rules have no cost budget, and types are checked when a rule runs, not before.
Rules in syntax that cel-python does not know (optional values, cel.bind) are not enforced; `unsupported` names them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError

from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi.cel_functions import FUNCTIONS
from apps.sandbox.kubeapi.errors import Cause
from apps.sandbox.kubeapi.structural import correlated
from apps.sandbox.kubeapi.typed import Schema

_BEYOND = re.compile(r"\.\?|\[\?|\boptional\.|\bcel\.bind|\bquantity\(|\burl\(|\bip\(|\bcidr\(|\bsemver\(|\bformat\.")
_RESERVED = frozenset(
    "true false null in as break const continue else for function if import let loop package namespace return var "
    "void while".split()
)
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
_ENVIRONMENT = celpy.Environment()


class BadRule(ValueError):
    """A rule that does not compile."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule."""

    text: str
    program: Any
    message: str
    message_program: Any
    field_path: str
    reason: str
    transition: bool
    optional_old: bool

    @property
    def named(self) -> str:
        """The rule as errors about its evaluation name it."""
        return (self.message or self.text).strip()


@dataclass(slots=True)
class Node:
    """The rules at a schema node and below; None children have no rules below them."""

    schema: Schema
    rules: list[Rule] = field(default_factory=list)
    properties: dict[str, Node] = field(default_factory=dict)
    additional: Node | None = None
    items: Node | None = None
    unsupported: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing here or below is to be checked."""
        return not (self.rules or self.properties or self.additional or self.items)


def compile_rule(raw: dict[str, Any]) -> Rule:
    """Compile one entry of x-kubernetes-validations. Raises BadRule."""
    text = str(raw.get("rule", ""))
    message = raw.get("messageExpression")
    return Rule(
        text=text,
        program=_program(text),
        message=str(raw.get("message", "")),
        message_program=_program(message) if message and not _BEYOND.search(message) else None,
        field_path=str(raw.get("fieldPath", "")).lstrip("."),
        reason=str(raw.get("reason") or "FieldValueInvalid"),
        transition=bool(re.search(r"\boldSelf\b", text)),
        optional_old=bool(raw.get("optionalOldSelf")),
    )


def _program(text: str) -> Any:
    try:
        return _ENVIRONMENT.program(_ENVIRONMENT.compile(text), functions=FUNCTIONS)
    except CELParseError as error:
        where = f"{error.line}:{error.column}"
        raise BadRule(f"compilation failed: ERROR: <input>:{where}: Syntax error: {text}") from error


def compile_schema(schema: Schema) -> Node | None:
    """The rules of a schema as a tree, or None when it has none. Raises BadRule."""
    node = Node(schema=schema)
    for raw in schema.get("x-kubernetes-validations") or ():
        if _BEYOND.search(str(raw.get("rule", ""))):
            node.unsupported.append(str(raw["rule"]))
        else:
            node.rules.append(compile_rule(raw))
    for key, below in (schema.get("properties") or {}).items():
        child = compile_schema(below)
        if child is not None:
            node.properties[key] = child
    extra = schema.get("additionalProperties")
    node.additional = compile_schema(extra) if isinstance(extra, dict) else None
    node.items = compile_schema(schema["items"]) if isinstance(schema.get("items"), dict) else None
    return None if node.empty and not node.unsupported else node


def validate(node: Node, *, value: Any, old: Any = None, path: str = "") -> list[Cause]:
    """What the rules refuse in the value; `old` is its predecessor, None on creation."""
    found: list[Cause] = []
    _visit(node, value, old, path, found)
    return found


def _visit(node: Node, value: Any, old: Any, path: str, found: list[Cause]) -> None:
    if value is None or (old is not None and value == old and not _has_transition(node)):
        return
    if node.rules:
        _run(node, value, old, path, found)
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for key, item in value.items():
            child = node.properties.get(key) or (None if key in node.properties else node.additional)
            if child is not None:
                _visit(child, item, before.get(key), fe.join(path, name=key), found)
    elif isinstance(value, list) and node.items is not None:
        predecessor = correlated(node.schema, old=old if isinstance(old, list) else None)
        for index, item in enumerate(value):
            _visit(node.items, item, predecessor(item), f"{path}[{index}]", found)


def _has_transition(node: Node) -> bool:
    children = [*node.properties.values(), node.additional, node.items]
    return any(rule.transition for rule in node.rules) or any(_has_transition(c) for c in children if c is not None)


def _run(node: Node, value: Any, old: Any, path: str, found: list[Cause]) -> None:
    activation: dict[str, Any] = {"self": to_cel(node.schema, value)}
    if old is not None:
        activation["oldSelf"] = to_cel(node.schema, old)
    for rule in node.rules:
        if rule.transition and (old is None or rule.optional_old):
            continue
        if not rule.transition and old is not None and value == old:
            continue
        cause = _judge(node, rule, activation, value, path)
        if cause is not None:
            found.append(cause)


def _judge(node: Node, rule: Rule, activation: dict[str, Any], value: Any, path: str) -> Cause | None:
    kind = str(node.schema.get("type", ""))
    try:
        if bool(rule.program.evaluate(activation)):
            return None
    except CELEvalError as error:
        return fe.invalid(path, value=kind, detail=f"{_reason_of(error)} evaluating rule: {rule.named}")
    where = fe.join(path, name=rule.field_path) if rule.field_path else path
    detail = _message(rule, activation)
    if rule.reason == "FieldValueForbidden":
        return fe.forbidden(where, detail=detail)
    if rule.reason == "FieldValueRequired":
        return fe.required(where, detail=detail)
    shown = fe.OMIT if kind in ("object", "array") else value
    if rule.reason == "FieldValueDuplicate":
        return fe.duplicate(where, value=value)
    return fe.invalid(where, value=shown, detail=detail)


def _message(rule: Rule, activation: dict[str, Any]) -> str:
    if rule.message_program is not None:
        try:
            return str(rule.message_program.evaluate(activation)).strip()
        except CELEvalError:
            pass  # as a real server: fall back to the plain message
    return rule.message.strip() or f"failed rule: {rule.text.strip()}"


def _reason_of(error: CELEvalError) -> str:
    """cel-go's sentence for what went wrong."""
    said = " ".join(str(part) for part in error.args)
    if match := re.search(r"no such member in mapping: '([^']*)'", said):
        return f"no such key: {match.group(1)}"
    if match := re.search(r"Unparsable timezone: StringType\('([^']*)'\)", said):
        return f"unknown time zone {match.group(1)}"
    if "ZeroDivision" in said or "divide by zero" in said:
        return "division by zero"
    if "Invalid duration" in said or "duration" in said.lower():
        return "type conversion error from 'string' to 'google.protobuf.Duration'"
    return str(error.args[0]) if error.args else "evaluation failed"


def escaped(name: str) -> str:
    """A property's name as a rule spells it."""
    if name in _RESERVED:
        return f"__{name}__"
    for plain, code in _ESCAPES:
        name = name.replace(plain, code)
    return name


def to_cel(schema: Schema, value: Any) -> Any:
    """The value as CEL sees it: timestamps, durations and bytes by their format, maps with escaped field names."""
    if isinstance(value, dict):
        return _map_to_cel(schema, value)
    if isinstance(value, list):
        element = schema.get("items") or {}
        return celtypes.ListType([to_cel(element, item) for item in value])
    if isinstance(value, str):
        return _string_to_cel(schema, value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and schema.get("type") == "number":
        return celtypes.DoubleType(value)
    return json_to_cel(value)


def _map_to_cel(schema: Schema, value: dict[str, Any]) -> Any:
    declared, extra = schema.get("properties") or {}, schema.get("additionalProperties")
    found = celtypes.MapType()
    for key, item in value.items():
        if key in declared:
            if item is not None:
                found[celtypes.StringType(escaped(key))] = to_cel(declared[key], item)
        elif isinstance(extra, dict):
            found[celtypes.StringType(key)] = to_cel(extra, item)
        elif key in ("metadata", "apiVersion", "kind") or schema.get("x-kubernetes-preserve-unknown-fields"):
            found[celtypes.StringType(key)] = json_to_cel(item)
    return found


def _string_to_cel(schema: Schema, value: str) -> Any:
    form = schema.get("format")
    try:
        if form in ("date-time", "date"):
            return celtypes.TimestampType(value if form == "date-time" else f"{value}T00:00:00Z")
        if form == "duration":
            return celtypes.DurationType(value)
    except ValueError:
        pass  # the schema's own check names it
    return celtypes.StringType(value)
