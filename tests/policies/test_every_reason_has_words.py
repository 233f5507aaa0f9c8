"""Each reason has a sentence, and a sentence takes only operands that are given."""

from __future__ import annotations

from apps.policies.domain import reasons
from apps.policies.sentences import SENTENCES


def test_each_reason_has_a_sentence_and_none_is_left_over() -> None:
    codes = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert set(SENTENCES) == codes


def test_codes_are_pascal_case() -> None:
    assert all(code.isidentifier() and code[0].isupper() and "_" not in code for code in SENTENCES)
