"""Numbers carry units, moments are relative, states carry a word and an icon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import translation

from apps.ui import markup
from apps.ui.export import safe_cell

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "want"),
    [
        (timedelta(seconds=2), "just now"), (timedelta(seconds=59), "59 s ago"), (timedelta(minutes=61), "1 h ago"),
        (timedelta(days=3), "3 d ago"), (-timedelta(minutes=10), "in 10 min"),
    ],
)  # fmt: skip
def test_moments_are_relative(ago: timedelta, want: str) -> None:
    assert markup.relative(NOW - ago, now=NOW) == want


def test_the_absolute_moment_stands_on_hover() -> None:
    html = markup.when(NOW - timedelta(hours=3), since=NOW)
    assert 'datetime="2026-11-24T09:00:00+00:00"' in html
    assert "UTC" in html
    assert ">3 h ago<" in html


@pytest.mark.parametrize(
    ("amount", "per", "want"),
    [
        (Decimal("0.0875"), "hour", "$0.088/h"), (Decimal("12.5"), "", "$12.50"), (Decimal(-3), "", "−$3.00"),
        (Decimal("123456.7"), "month", "$123,457/month"), (None, "", "—"), (Decimal(0), "", "$0.00"),
    ],
)  # fmt: skip
def test_money_is_written_with_its_currency(amount: Decimal | None, per: str, want: str) -> None:
    assert markup.money(amount, per=per) == want  # type: ignore[arg-type]


def test_chinese_tells_dollars_apart() -> None:
    with translation.override("zh-hans"):
        assert markup.money(Decimal("1.5")) == "US$1.50"


@pytest.mark.parametrize(("size", "want"), [(512 * 2**20, "512\u202fMiB"), (1536, "1.5\u202fKiB"), (3, "3\u202fB")])
def test_memory_has_its_unit(size: int, want: str) -> None:
    assert markup.memory(size) == want


@pytest.mark.parametrize(("millicores", "want"), [(250, "250m"), (1500, "1.5"), (2000, "2"), (None, "—")])
def test_cpu_is_written_as_kubectl_does(millicores: int | None, want: str) -> None:
    assert markup.cores(millicores) == want


def test_a_state_is_never_colour_alone() -> None:
    from apps.fleet.looks import WORKLOAD

    html = markup.state(WORKLOAD, "Asleep")
    assert "#zzz" in html
    assert ">Asleep<" in html


def test_what_comes_from_a_cluster_is_escaped() -> None:
    assert "<b>" not in markup.badge("<b>x</b>")
    assert "<b>" not in markup.reason("NoRoute", {"kind": "<b>"}, url="/x/")


@pytest.mark.parametrize(
    ("value", "want"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("-2", "'-2"), (-2, "-2"), ("\tx", "'\tx"), ("plain", "plain"), (None, "")],
)
def test_no_spreadsheet_takes_a_cell_for_a_formula(value: object, want: str) -> None:
    assert safe_cell(value) == want
