"""Quantities and durations are read as the API server reads them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.kernel.errors import InvalidInput
from apps.kernel.units import cpu_millicores, format_duration, memory_bytes, parse_duration, parse_quantity


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("250m", Decimal("0.25")),
        ("1Gi", Decimal(2**30)),
        ("1e3", Decimal(1000)),
        ("1E", Decimal(10**18)),
        (".5", Decimal("0.5")),
        ("5.", Decimal(5)),
        (2, Decimal(2)),
    ],
)
def test_quantities_are_exact(text, want):
    assert parse_quantity(text) == want


@pytest.mark.parametrize("text", ["", "1 Gi", "1gi", "Gi", "1m1", "1e3Gi", "--1", "NaN"])
def test_nonsense_is_refused_with_its_field(text):
    with pytest.raises(InvalidInput) as e:
        parse_quantity(text, field="spec.hard.cpu")
    assert e.value.field == "spec.hard.cpu"
    assert e.value.mend


def test_a_part_of_a_unit_is_rounded_up():
    assert cpu_millicores("1u") == 1
    assert memory_bytes("1500m") == 2


@pytest.mark.parametrize("text", ["", "2", "h", "2h ", "-2h", "2 h", "1h30", "2w"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(InvalidInput):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**8))
def test_a_duration_survives_being_written(seconds):
    span = timedelta(seconds=seconds)
    assert parse_duration(format_duration(span)) == span
