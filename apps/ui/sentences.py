"""The sentence that explains a reason: stored as code and operands, it becomes words only here, on reading."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.kernel.decisions import Operand
from apps.ui import registry
from apps.ui.spans import span

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class _Operands(dict[str, str]):
    """An operand that an older record lacks shows as "?": a history page must not fail on its oldest row."""

    def __missing__(self, key: str) -> str:
        return "?"


def sentence(code: str, operands: Mapping[str, Operand]) -> str:
    """The reason in the current language. A code that nobody registered is split into words, with its operands."""
    template = registry.mapping("sentences").get(code)
    texts = _texts(operands)
    if template is None:
        words = _WORD.sub(" ", code).capitalize()
        listed = ", ".join(f"{key} {value}" for key, value in texts.items())
        return f"{words} ({listed})" if listed else words
    return str(str(template) % texts)


def _texts(operands: Mapping[str, Operand]) -> _Operands:
    """Every operand as words. One called `windowSeconds` can also be named `window`: a length of time, "2 h"."""
    texts = _Operands({key: operand_text(value) for key, value in operands.items()})
    for key, value in operands.items():
        if key.endswith("Seconds") and isinstance(value, (int, float)):
            texts.setdefault(key.removesuffix("Seconds"), span(value))
    return texts


def title(code: str) -> str:
    """The code as a few words, for menus and counts, where no operands are at hand: "No route"."""
    titles = registry.mapping("titles")
    return str(titles[code]) if code in titles else _WORD.sub(" ", code).capitalize()


def english(code: str, operands: Mapping[str, Operand]) -> str:
    """The reason in English whatever the current language: for conditions and events in a cluster."""
    with translation.override("en"):
        return sentence(code, operands)


def operand_text(value: Operand) -> str:
    """One operand as words: numbers by locale with at most 3 decimals, moments in the reader's zone, text as it is."""
    if value is None:
        return _("none")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else f"{value:g}"
    if isinstance(value, int):
        return f"{value:,}"
    return _moment(value) if _MOMENT.fullmatch(value) else value


def _moment(text: str) -> str:
    """2026-11-24T09:00:00+00:00 -> 2026-11-24 09:00 UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    local = timezone.localtime(at) if timezone.is_aware(at) else at
    return local.strftime("%Y-%m-%d %H:%M %Z").strip()


SENTENCES: dict[str, object] = {
    "Unknown": gettext_lazy("Plimsoll has not judged this yet."),
}
