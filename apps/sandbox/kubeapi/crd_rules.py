"""Defaults and validation of CustomResourceDefinitions (apiextensions `pkg/apis/apiextensions/validation`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.sandbox.kubeapi import cel_rules
from apps.sandbox.kubeapi import fielderrors as fe
from apps.sandbox.kubeapi.errors import Cause, Obj
from apps.sandbox.kubeapi.typed import Schema

APPROVAL = "api-approved.kubernetes.io"
_APPROVAL_SAID = (
    'protected groups must have approval annotation "api-approved.kubernetes.io", see '
    "https://github.com/kubernetes/enhancements/pull/1111"
)
# The fields of Go's ValidationRule, which errors print, with what an absent one prints as.
_GO_RULE = (
    ("Rule", ""), ("Message", ""), ("MessageExpression", ""), ("Reason", None), ("FieldPath", ""),
    ("OptionalOldSelf", None),
)  # fmt: skip
_TYPES = ("string", "integer", "number", "boolean", "object", "array")


def set_defaults(crd: Obj) -> None:
    """Fill in the names and the conversion strategy, in place."""
    spec = crd.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind", "")
    names["singular"] = names.get("singular") or kind.lower()
    names["listKind"] = names.get("listKind") or (f"{kind}List" if kind else "")
    spec.setdefault("conversion", {"strategy": "None"})


def validate(crd: Obj) -> list[Cause]:
    """What is wrong with a CRD: its name, its versions, its schemas and their rules."""
    spec, found = crd["spec"], []
    names, group = spec["names"], spec.get("group", "")
    if crd["metadata"].get("name") != f"{names.get('plural', '')}.{group}":
        said = 'must be spec.names.plural+"."+spec.group'
        found.append(fe.invalid("metadata.name", value=crd["metadata"].get("name"), detail=said))
    if group.endswith((".k8s.io", ".kubernetes.io")) or group in ("k8s.io", "kubernetes.io"):
        if APPROVAL not in (crd["metadata"].get("annotations") or {}):
            found.append(fe.required(f"metadata.annotations[{APPROVAL}]", detail=_APPROVAL_SAID))
    found += [fe.required(f"spec.{key}") for key in ("group", "scope") if not spec.get(key)]
    if spec.get("scope") and spec["scope"] not in ("Cluster", "Namespaced"):
        found.append(fe.unsupported("spec.scope", value=spec["scope"], allowed=("Cluster", "Namespaced")))
    found += [fe.required(f"spec.names.{key}") for key in ("plural", "kind") if not names.get(key)]
    versions = spec.get("versions") or []
    if not versions:
        found.append(fe.required("spec.versions", detail="must have at least one version"))
    elif sum(bool(version.get("storage")) for version in versions) != 1:
        said = "must have exactly one version marked as storage version"
        found.append(fe.invalid("spec.versions", value=versions, detail=said))
    one = len(versions) == 1  # a schema that all versions share is named as the old top-level field
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}]"
        found += _version(version, path, schema_path="spec.validation" if one else f"{path}.schema")
    return found


def _version(version: Obj, path: str, *, schema_path: str) -> list[Cause]:
    found: list[Cause] = []
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        return [fe.required(f"{path}.schema.openAPIV3Schema", detail="schemas are required")]
    here = f"{schema_path}.openAPIV3Schema"
    if schema.get("type") != "object":
        found.append(fe.invalid(f"{here}.type", value=schema.get("type", ""), detail="must be object at the root"))
    for key, below in sorted((schema.get("properties") or {}).items()):
        if key not in ("metadata", "apiVersion", "kind"):
            found += _schema(below, f"{here}.properties[{key}]", "must not be empty for specified object fields")
    found += _rules(schema, here)
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        for key in ("name", "type", "jsonPath"):
            if not column.get(key):
                found.append(fe.required(f"{path}.additionalPrinterColumns[{index}].{key}"))
    return found


def _schema(schema: Schema, path: str, empty: str) -> list[Cause]:
    found: list[Cause] = []
    kind = schema.get("type")
    free = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if not kind and not free:
        found.append(fe.required(f"{path}.type", detail=empty))
    elif kind and kind not in _TYPES:
        found.append(fe.unsupported(f"{path}.type", value=kind, allowed=sorted(_TYPES)))
    if "properties" in schema and isinstance(schema.get("additionalProperties"), Mapping):
        said = "additionalProperties and properties are mutual exclusive"
        found.append(fe.forbidden(f"{path}.additionalProperties", detail=said))
    for key, below in sorted((schema.get("properties") or {}).items()):
        found += _schema(below, f"{path}.properties[{key}]", "must not be empty for specified object fields")
    if isinstance(schema.get("additionalProperties"), Mapping):
        said = "must not be empty for specified object fields"
        found += _schema(schema["additionalProperties"], f"{path}.additionalProperties", said)
    if kind == "array":
        found += _items(schema, path)
    return found + _rules(schema, path)


def _items(schema: Schema, path: str) -> list[Cause]:
    element = schema.get("items")
    if not isinstance(element, Mapping):
        return [fe.required(f"{path}.items", detail="must be specified")]
    found = _schema(element, f"{path}.items", "must not be empty for specified array items")
    declared, required = element.get("properties") or {}, element.get("required") or ()
    for key in schema.get("x-kubernetes-list-map-keys") or ():
        if key not in required and "default" not in (declared.get(key) or {}):
            said = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            found.append(fe.required(f"{path}.items.properties[{key}].default", detail=said))
    return found


def _rules(schema: Schema, path: str) -> list[Cause]:
    found: list[Cause] = []
    rules: list[dict[str, Any]] = schema.get("x-kubernetes-validations") or []
    for index, raw in enumerate(rules):
        here = f"{path}.x-kubernetes-validations[{index}].rule"
        try:
            cel_rules.compile_schema({"x-kubernetes-validations": [raw]})
        except cel_rules.BadRule as error:
            shown = {name: raw.get(name[0].lower() + name[1:], empty) for name, empty in _GO_RULE}
            found.append(fe.invalid(here, value=shown, detail=str(error)))
    return found
