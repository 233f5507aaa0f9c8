"""Lengths of time in words."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext as _


def span(length: timedelta | float | None) -> str:
    """A length of time as its two largest units: "2 h 5 min", "45 s"."""
    if length is None:
        return "—"
    left = int(length.total_seconds() if isinstance(length, timedelta) else length)
    parts = []
    for size, text in ((86_400, _("%(n)s d")), (3_600, _("%(n)s h")), (60, _("%(n)s min")), (1, _("%(n)s s"))):
        count, left = divmod(left, size)
        if count:
            parts.append(text % {"n": count})
    return " ".join(parts[:2]) or _("%(n)s s") % {"n": 0}
