"""Both policy kinds come from one source, and the files in deploy/ are what it gives."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.policies.crd import definitions
from apps.policies.management.commands.write_crds import as_yaml

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
NAMESPACED, CLUSTER = definitions()


def schema(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def fields(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, child in node.get("properties", {}).items():
        yield f"{path}.{name}", child
        yield from fields(child, f"{path}.{name}")
    if isinstance(node.get("items"), dict):
        yield from fields(node["items"], f"{path}[]")


@pytest.mark.parametrize("manifest", [NAMESPACED, CLUSTER])
def test_the_files_are_what_the_source_gives(manifest: dict[str, Any]) -> None:
    text = (CRDS / f"{manifest['spec']['names']['plural']}.yaml").read_text()
    assert text == as_yaml(manifest), "run `python manage.py write_crds`"
    assert yaml.safe_load(text) == manifest


def test_the_kinds_differ_in_nothing_but_namespaces() -> None:
    cluster = copy.deepcopy(schema(CLUSTER))
    spec = cluster["properties"]["spec"]["properties"]
    del spec["namespaceOverrides"]
    del spec["targets"]["items"]["properties"]["namespaceSelector"]
    del spec["exceptions"]["items"]["properties"]["namespaceSelector"]
    cluster["description"] = schema(NAMESPACED)["description"]
    assert cluster == schema(NAMESPACED)


@pytest.mark.parametrize("manifest", [NAMESPACED, CLUSTER])
def test_every_field_is_explained(manifest: dict[str, Any]) -> None:
    bare = [path for path, node in fields(schema(manifest)) if not node.get("description")]
    assert bare == []


@pytest.mark.parametrize("manifest", [NAMESPACED, CLUSTER])
def test_what_cel_reads_is_bounded(manifest: dict[str, Any]) -> None:
    """Without maxima the API server refuses the rules for their cost."""
    spec = schema(manifest)["properties"]["spec"]
    for path, node in fields(spec):
        if node.get("type") == "string" and "enum" not in node and "format" not in node:
            assert "maxLength" in node, path
        if node.get("type") == "array":
            assert "maxItems" in node, path


@pytest.mark.parametrize("manifest", [NAMESPACED, CLUSTER])
def test_nothing_stands_in_the_schema_that_no_code_obeys(manifest: dict[str, Any]) -> None:
    """Each leaf of the spec changes what is parsed: the reader of every one of them is named here."""
    source = "".join(path.read_text() for path in (Path(__file__).parents[2] / "apps/policies/domain").glob("*.py"))
    for path, _ in fields(schema(manifest)["properties"]["spec"]):
        name = path.rpartition(".")[2].removesuffix("[]")
        assert f'"{name}"' in source, path
