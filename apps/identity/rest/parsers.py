"""JSON bodies, as deep as what reads them can follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MOST_LEVELS = 64
"""A policy has about ten. Whatever walks a body later does so by recursion, which Python ends near a thousand."""


class ShallowJSONParser(JSONParser):
    """The framework's, but a body nested too deeply is the sender's mistake, not ours."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            value = super().parse(stream, media_type=media_type, parser_context=parser_context)
        except RecursionError:
            raise _too_deep() from None
        level = [value]
        for _depth in range(MOST_LEVELS):
            level = [inner for outer in level for inner in _inside(outer)]
            if not level:
                return value
        raise _too_deep()


def _inside(value: Any) -> list[Any]:
    found = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [one for one in found if isinstance(one, (dict, list))]


def _too_deep() -> ParseError:
    return ParseError(_("The body is nested too deeply: at most %(most)s levels.") % {"most": MOST_LEVELS})
