"""Reasons become words on reading."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone, translation

from apps.kernel.errors import InvalidInput
from apps.ui import registry
from apps.ui.sentences import english, operand_text, sentence, title


def test_operands_are_put_into_the_sentence() -> None:
    text = sentence("Traffic", {"source": "IngressNginx", "requests": 42.0, "windowSeconds": 7200})
    assert text == "IngressNginx counted 42 requests in the last 2 h."


def test_an_operand_that_an_old_record_lacks_shows_a_question_mark() -> None:
    assert sentence("Traffic", {}) == "? counted ? requests in the last ?."


def test_a_code_that_nobody_registered_is_split_into_words_with_its_operands() -> None:
    assert sentence("SomethingNewHappened", {"node": "a", "count": 3}) == "Something new happened (node a, count 3)"
    assert title("SomethingNewHappened") == "Something new happened"


def test_conditions_in_a_cluster_stay_english() -> None:
    with translation.override("zh-hans"):
        assert english("Accepted", {}) == "The policy is understood."


@pytest.mark.parametrize(
    ("value", "want"),
    [(None, "none"), (True, "yes"), (1.50, "1.5"), (0.0, "0"), (1234567, "1,234,567"), ("as it is", "as it is")],
)
def test_operands_read_well(value: object, want: str) -> None:
    assert operand_text(value) == want  # type: ignore[arg-type]


def test_a_moment_is_told_in_the_readers_zone() -> None:
    text = datetime(2026, 11, 24, 9, 0, tzinfo=UTC).isoformat()
    with timezone.override("Asia/Shanghai"):
        assert operand_text(text) == "2026-11-24 17:00 CST"
    assert operand_text("2026-99-99T00:00:00") == "2026-99-99T00:00:00"


def test_every_registered_sentence_can_be_filled() -> None:
    for code in registry.mapping("sentences"):
        assert sentence(code, {"anything": 1})


def test_an_unknown_registry_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no registry"):
        registry.register("navs", "x.Y")  # type: ignore[arg-type]
