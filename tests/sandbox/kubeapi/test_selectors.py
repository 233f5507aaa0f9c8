"""Label and field selectors, over a whole small space of label maps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import pytest

from apps.sandbox.kubeapi.errors import BadRequest
from apps.sandbox.kubeapi.selectable import SELECTABLE
from apps.sandbox.kubeapi.selectors import of_label_selector, parse_fields, parse_labels

_VALUES = ("", "a", "b")
_MAPS = [
    {key: value for key, value in (("x", x), ("y", y)) if value is not None}
    for x, y in itertools.product((None, *_VALUES), repeat=2)
]
Truth = Callable[[Mapping[str, str]], bool]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("x=a", lambda m: m.get("x") == "a"),
        ("x==a", lambda m: m.get("x") == "a"),
        ("x!=a", lambda m: m.get("x") != "a"),
        ("x", lambda m: "x" in m),
        ("!x", lambda m: "x" not in m),
        ("x in (a,b)", lambda m: m.get("x") in ("a", "b")),
        ("x notin (a)", lambda m: m.get("x") != "a"),
        ("x=a,y!=b", lambda m: m.get("x") == "a" and m.get("y") != "b"),
        ("x in (a, b),!y", lambda m: m.get("x") in ("a", "b") and "y" not in m),
        ("x=", lambda m: m.get("x") == ""),
    ],
)
def test_a_selector_means_the_same_for_every_map(text: str, want: Truth) -> None:
    test = parse_labels(text)
    assert test is not None
    assert [test(labels) for labels in _MAPS] == [want(labels) for labels in _MAPS]


def test_greater_and_less_compare_numbers() -> None:
    test = parse_labels("x>5,x<10")
    assert test is not None
    assert [test({"x": text}) for text in ("5", "6", "9", "10", "many")] == [False, True, True, False, False]


@pytest.mark.parametrize("text", ["x===", "x in", "x=a b", "x>many", "-x=a", "x!in(a)"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="unable to parse requirement"):
        parse_labels(text)


def test_no_selector_is_none() -> None:
    assert parse_labels("") is None
    assert parse_fields(None, supported={}) is None


def test_a_missing_label_selector_selects_nothing_and_an_empty_one_everything() -> None:
    assert not of_label_selector(None)({"x": "a"})
    assert of_label_selector({})({"x": "a"})


@pytest.mark.parametrize(
    ("operator", "values", "want"),
    [
        ("In", ["a"], lambda m: m.get("x") == "a"),
        ("NotIn", ["a"], lambda m: m.get("x") != "a"),
        ("Exists", [], lambda m: "x" in m),
        ("DoesNotExist", [], lambda m: "x" not in m),
    ],
)
def test_match_expressions_mean_the_same_for_every_map(operator: str, values: list[str], want: Truth) -> None:
    test = of_label_selector({"matchExpressions": [{"key": "x", "operator": operator, "values": values}]})
    assert [test(labels) for labels in _MAPS] == [want(labels) for labels in _MAPS]


def test_field_selectors_read_the_object() -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}}
    supported = SELECTABLE[("", "pods")]
    for text, want in (("spec.nodeName=n1,status.phase!=Failed", True), ("metadata.name!=p", False)):
        test = parse_fields(text, supported=supported)
        assert test is not None
        assert test(pod) is want


def test_a_boolean_field_that_is_absent_counts_as_false() -> None:
    test = parse_fields("spec.unschedulable=false", supported=SELECTABLE[("", "nodes")])
    assert test is not None
    assert test({"metadata": {"name": "n"}, "spec": {}})


def test_a_field_that_cannot_be_selected_is_refused() -> None:
    with pytest.raises(BadRequest, match="field label not supported: spec.image"):
        parse_fields("spec.image=x", supported=SELECTABLE[("", "pods")])
    with pytest.raises(BadRequest, match='"data.x" is not a known field selector: only "metadata.name"'):
        parse_fields("data.x=1", supported=None)
