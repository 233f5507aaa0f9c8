"""Links to other tools: templated, quoted, and refused at start when they make no sense."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from apps.kernel.errors import InvalidInput
from apps.ui.links import links_for, parse
from tests.factories import make_cluster, make_workload

GRAFANA = {"kind": "workload", "label": "Grafana", "url": "https://grafana.example/d/x?ns={namespace}&w={name}"}


def test_values_are_put_in_and_quoted(settings: Settings) -> None:
    settings.PLIMSOLL_LINKS = json.dumps([GRAFANA])
    want = "https://grafana.example/d/x?ns=a%26b%3Dc&w=web"
    assert links_for("workload", {"namespace": "a&b=c", "name": "web"}) == [("Grafana", want)]


def test_a_link_that_lacks_a_value_and_one_of_another_kind_are_left_out(settings: Settings) -> None:
    settings.PLIMSOLL_LINKS = json.dumps([GRAFANA])
    assert links_for("workload", {"namespace": "", "name": "web"}) == []
    assert links_for("cluster", {"namespace": "a", "name": "web"}) == []


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("{", "cannot be read"), ('[{"kind": "workload"}]', "cannot be read"), ('["x"]', "cannot be read"),
        (json.dumps([{**GRAFANA, "kind": "pod"}]), "no kind 'pod'"),
        (json.dumps([{**GRAFANA, "url": "javascript:alert(1)"}]), "not a web address"),
        (json.dumps([{**GRAFANA, "url": "https://x/{sealed_credentials}"}]), "no 'sealed_credentials' to put in"),
        (json.dumps([{**GRAFANA, "url": "https://x/{name.__class__}"}]), "to put in"),
        (json.dumps([{**GRAFANA, "url": "https://x/{name"}]), "PLIMSOLL_LINKS"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_and_named(text: str, want: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse(text)
    assert want in str(raised.value)


def test_the_page_of_a_workload_shows_them(client: Client, settings: Settings) -> None:
    settings.PLIMSOLL_LINKS = json.dumps([GRAFANA])
    row = make_workload("web", cluster=make_cluster(), namespace="shop")
    page = client.get(f"/workloads/{row.pk}/").content.decode()
    assert 'href="https://grafana.example/d/x?ns=shop&amp;w=web"' in page
    assert 'rel="noreferrer"' in page
