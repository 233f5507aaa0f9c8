"""Values as small pieces of HTML, the same on every page: times, money, amounts, states, reasons, icons.

A state always carries an icon and a word beside its colour; a number always carries its unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from django.conf import settings
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from apps.kernel.decisions import Operand
from apps.kernel.ports import load
from apps.ui.sentences import sentence
from apps.ui.spans import span as span

Tone = Literal["good", "info", "warn", "bad", "muted", "sleep"]
NOTHING = mark_safe('<span class="text-secondary" aria-hidden="true">—</span>')
_SYMBOLS = {"USD": ("$", "US$"), "EUR": ("€", "€"), "GBP": ("£", "£"), "CNY": ("CN¥", "¥"), "JPY": ("¥", "JP¥")}


@dataclass(frozen=True, slots=True)
class StateLook:
    """How a state is shown: a lazily translated word, an icon, a tone."""

    label: Any
    icon: str
    tone: Tone


def now() -> datetime:
    found: datetime = load(settings.PLIMSOLL_PORTS["clock"])().now()
    return found


def icon(name: str, *, extra: str = "") -> SafeString:
    """A symbol of static/ui/icons.svg; hidden from screen readers, since a word always stands beside it."""
    href = f"{static('ui/icons.svg')}#{name}"
    return format_html(
        '<svg class="icon {}" width="20" height="20" aria-hidden="true"><use href="{}"></use></svg>', extra, href
    )


def when(at: datetime | None, *, since: datetime | None = None) -> SafeString:
    """A moment relative to now, the absolute on hover. The page keeps it true as time passes."""
    if at is None:
        return NOTHING
    local = timezone.localtime(at)
    absolute = f"{formats.date_format(local, 'DATETIME_FORMAT')} {local.tzname()}"
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        at.isoformat(timespec="seconds"),
        absolute,
        relative(at, now=since or now()),
    )


def relative(at: datetime, *, now: datetime) -> str:
    """ "3 min ago", "in 2 h": one unit, rounded down, as the page's own clock repeats it."""
    seconds = int((now - at).total_seconds())
    if abs(seconds) < 5:
        return _("just now")
    for size, singular_past, singular_future in _steps():
        if abs(seconds) >= size:
            text = singular_past if seconds > 0 else singular_future
            return text % {"n": abs(seconds) // size}
    return _("just now")


def _steps() -> list[tuple[int, str, str]]:
    return [
        (86_400, _("%(n)s d ago"), _("in %(n)s d")),
        (3_600, _("%(n)s h ago"), _("in %(n)s h")),
        (60, _("%(n)s min ago"), _("in %(n)s min")),
        (1, _("%(n)s s ago"), _("in %(n)s s")),
    ]


def money(amount: Decimal | float | None, *, currency: str = "USD", per: Literal["", "hour", "month"] = "") -> str:
    """An amount with its currency as the language writes it; under 1 with three decimals, from 1000 with none."""
    if amount is None:
        return "—"
    value: Decimal = Decimal(amount)
    chinese = (get_language() or "").startswith("zh")
    pair = _SYMBOLS.get(currency, (f"{currency} ", f"{currency} "))
    size = abs(value)
    decimals = 0 if size >= 1000 else 3 if 0 < size < Decimal("0.1") else 2
    size = size.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    number = f"{size:,.{decimals}f}"  # by thousands in Chinese too, as money is written; Django's zh groups by 10,000
    text = f"{'−' if value < 0 else ''}{pair[1] if chinese else pair[0]}{number}"
    if per == "hour":
        return pgettext("money per hour", "%(amount)s/h") % {"amount": text}
    if per == "month":
        return pgettext("money per month", "%(amount)s/month") % {"amount": text}
    return text


def number(value: float | int | Decimal | None, *, unit: str = "", decimals: int | None = None) -> str:
    """A number by locale, its unit after a thin space; trailing zeros of a fraction are left out."""
    if value is None:
        return "—"
    size = float(value)
    if decimals is None:
        decimals = 0 if size.is_integer() else 2 if abs(size) >= 1 else 4
    text = f"{size:,.{decimals}f}"
    return f"{text}\u202f{unit}" if unit else text


def cores(millicores: int | None) -> str:
    """CPU as cores when that is shorter, else millicores, as kubectl writes it: "250m", "2.5"."""
    if millicores is None:
        return "—"
    return (
        f"{millicores}m"
        if millicores < 1000
        else number(millicores / 1000, decimals=0 if millicores % 1000 == 0 else 1)
    )


def memory(size: int | None) -> str:
    if size is None:
        return "—"
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            return number(value, unit=unit, decimals=0 if value >= 100 or value.is_integer() else 1)
        value /= 1024
    return "—"


def count_of(n: int, one: str, many: str) -> str:
    return ngettext(one, many, n) % {"n": n}


def state(looks: Mapping[str, StateLook], value: str) -> SafeString:
    """The badge of a state: icon, word, colour. A state that nobody described shows its own name."""
    look = looks.get(value) or StateLook(value or _("Unknown"), "question-mark", "muted")
    return badge(str(look.label), tone=look.tone, icon_name=look.icon)


def badge(text: str, *, tone: Tone = "muted", icon_name: str = "") -> SafeString:
    picture = icon(icon_name) if icon_name else ""
    return format_html('<span class="chip chip-{}">{}<span>{}</span></span>', tone, picture, text)


def reason(code: str, operands: Mapping[str, Operand], *, url: str = "", tone: Tone = "muted") -> SafeString:
    """The sentence of a reason; with `url`, a chip that opens the decision in the drawer."""
    text = sentence(code, operands).partition("\n")[0]
    if not url:
        return format_html('<span class="reason" data-code="{}">{}</span>', code, text)
    return format_html(
        '<a class="chip chip-{} chip-reason" href="{}" data-drawer title="{}">{}<span>{}</span></a>',
        tone, url, code, icon("help-circle"), text,
    )  # fmt: skip
