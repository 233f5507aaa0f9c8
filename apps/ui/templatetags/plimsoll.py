"""Template tags: the pieces of `apps.ui.markup`, the built islands, query strings."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.http import QueryDict
from django.utils.safestring import SafeString

from apps.ui import assets, markup, registry
from apps.ui.registry import Text
from apps.ui.sentences import operand_text, sentence

register = template.Library()


@register.simple_tag
def asset(entry: str) -> str:
    return assets.script(entry)


@register.simple_tag
def asset_styles(entry: str) -> list[str]:
    return assets.styles(entry)


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    return markup.icon(name, extra=extra)


@register.simple_tag
def badge(text: Text, tone: Any = "muted", icon_name: str = "") -> SafeString:
    return markup.badge(str(text), tone=tone, icon_name=icon_name)


@register.filter
def when(at: datetime | None) -> SafeString:
    return markup.when(at)


@register.filter
def span(length: timedelta | float | None) -> str:
    return markup.span(length)


@register.simple_tag
def money(amount: Decimal | float | None, currency: str = "USD", per: Any = "") -> str:
    return markup.money(amount, currency=currency, per=per)


@register.simple_tag
def number(value: float | int | None, unit: str = "") -> str:
    return markup.number(value, unit=unit)


@register.filter
def memory(size: int | None) -> str:
    return markup.memory(size)


@register.filter
def cores(millicores: int | None) -> str:
    return markup.cores(millicores)


@register.simple_tag
def reason(code: str, operands: dict[str, Any] | None = None, url: str = "", tone: Any = "muted") -> SafeString:
    return markup.reason(code, operands or {}, url=url, tone=tone)


@register.simple_tag
def reason_text(code: str, operands: dict[str, Any] | None = None) -> str:
    """The sentence itself; what is to be pasted, on the lines below it, is `reason_block`'s."""
    return sentence(code, operands or {}).partition("\n")[0]


@register.simple_tag
def reason_block(code: str, operands: dict[str, Any] | None = None) -> str:
    """The lines below a reason's sentence: a manifest or commands to paste; "" for most reasons."""
    return sentence(code, operands or {}).partition("\n")[2]


@register.filter
def operand(value: Any) -> str:
    return operand_text(value)


@register.filter
def pretty_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """The page's query string with some parameters changed; None or "" takes one away."""
    params: QueryDict = context["request"].GET.copy()
    for name in ("rows", "open"):
        params.pop(name, None)
    for name, value in changes.items():
        if value in (None, ""):
            params.pop(name, None)
        else:
            params[name] = str(value)
    return f"?{params.urlencode()}"


@register.simple_tag
def state_chip(looks: dict[str, markup.StateLook], value: str) -> SafeString:
    return markup.state(looks, value)


@register.simple_tag(takes_context=True)
def row_actions(context: template.Context, table: str, row: Any) -> list[registry.RowAction]:
    """What may be done to one row and makes sense for it."""
    actions: list[registry.RowAction] = registry.entries("row_actions")
    mine = [one for one in actions if one.table == table and (one.applies is None or one.applies(row))]
    return [one for one in mine if one.permitted(context["request"].user)]
