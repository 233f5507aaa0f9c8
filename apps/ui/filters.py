"""Filters of a list: one FilterSet serves the page, the API and the export, so that every view is a URL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any, ClassVar

import django_filters
from django import forms
from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware
from django.utils.translation import gettext_lazy as _

from apps.kernel.errors import InvalidInput
from apps.kernel.ports import load
from apps.kernel.units import parse_duration

Choice = tuple[str, Any]
NOT_FILTERS = frozenset({"page", "sort", "per_page", "export", "open", "rows", "view", "csrfmiddlewaretoken"})


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter in force, and the query string without it."""

    label: str
    value: str
    query_without: str


class AnyTextField(forms.MultipleChoiceField):
    """Takes any text: a bookmark that names a cluster which has gone shows nothing, rather than an error."""

    def valid_value(self, value: str) -> bool:
        return len(value) <= 500


class AnyOf(django_filters.MultipleChoiceFilter):  # type: ignore[misc]
    """`?state=Asleep&state=Waking`: rows whose field is any of these. The menu lists `labels`, or the values that the
    visible rows hold, read only when a page draws the menu. `text` turns a value into words."""

    field_class = AnyTextField

    def __init__(
        self,
        field_name: str,
        *,
        label: Any,
        labels: Iterable[Choice] | None = None,
        text: Callable[[str], Any] | None = None,
    ) -> None:
        self._labels = None if labels is None else list(labels)
        self._text = text
        super().__init__(field_name=field_name, label=label, choices=(), distinct=False)

    @property
    def field(self) -> forms.Field:
        # A function, for Django copies the field with each form: it leaves functions whole, and would copy this filter.
        self.extra["choices"] = lambda: self._choices()
        found: forms.Field = super().field
        return found

    def _choices(self) -> list[Choice]:
        if self._labels is not None:
            return self._labels
        queryset = getattr(getattr(self, "parent", None), "queryset", None)
        if queryset is None:
            return []
        values = queryset.order_by().values_list(self.field_name, flat=True).distinct()[:200]
        return sorted((str(value), self.text(str(value))) for value in values if value not in (None, ""))

    def text(self, value: str) -> Any:
        if self._labels is not None:
            return dict(self._labels).get(value, value)
        return self._text(value) if self._text else value

    def is_noop(self, qs: QuerySet[Any], value: Any) -> bool:
        return False

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return qs.filter(**{f"{self.field_name}__in": list(value)}) if value else qs


class SinceField(forms.CharField):
    """An age ("24h", "7d") or a moment in ISO 8601; cleaned to the moment, aware."""

    def clean(self, value: Any) -> datetime | None:
        text = str(value or "").strip()
        if not text:
            return None
        now: datetime = load(settings.PLIMSOLL_PORTS["clock"])().now()
        try:
            return now - parse_duration(text)
        except (InvalidInput, OverflowError):
            return self._moment(text)

    def _moment(self, text: str) -> datetime:
        try:
            at = parse_datetime(text)
            if at is not None:
                return (make_aware(at) if is_naive(at) else at).astimezone(UTC)
        except (ValueError, OverflowError):  # the latter at the ends of the years 1 and 9999
            pass
        raise forms.ValidationError(_("Write an age like 24h or 7d, or a moment like 2026-11-24T09:00:00Z."))


AGES: list[Choice] = [
    ("1h", _("Last hour")),
    ("24h", _("Last 24 hours")),
    ("7d", _("Last 7 days")),
    ("30d", _("Last 30 days")),
]


class Since(django_filters.Filter):  # type: ignore[misc]
    """`?since=24h`: rows whose moment is at or after that."""

    field_class = SinceField

    def __init__(self, field_name: str, *, label: Any) -> None:
        super().__init__(
            field_name=field_name,
            lookup_expr="gte",
            label=label,
            widget=forms.Select(choices=[("", _("Any time")), *AGES]),
        )

    def text(self, value: str) -> Any:
        return dict(AGES).get(value, value)


class ListFilters(django_filters.FilterSet):  # type: ignore[misc]
    """`q` looks in `search_fields`; each word must be found in one of them."""

    search_fields: ClassVar[tuple[str, ...]] = ()
    hidden_menus: ClassVar[tuple[str, ...]] = ()
    """Filters that scripts and links use, of too many values for a menu."""

    q = django_filters.CharFilter(method="search", label=_("Search"))

    def search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        for word in value.split()[:8]:
            queryset = queryset.filter(
                reduce(or_, (Q(**{f"{field}__icontains": word}) for field in self.search_fields))
            )
        return queryset

    @property
    def given(self) -> QueryDict:
        """The filters in force as a query string's data: no paging, no order, nothing empty."""
        kept = QueryDict(mutable=True)
        data = self.data if isinstance(self.data, QueryDict) else QueryDict()
        for name in data:
            if name in self.filters:
                kept.setlist(name, [value for value in data.getlist(name) if value])
        return QueryDict(kept.urlencode(), mutable=True)

    @property
    def chips(self) -> list[Chip]:
        given = self.given
        return [
            Chip(str(self.filters[name].label), self._value_text(name, value), _without(given, name, value))
            for name in given
            for value in given.getlist(name)
        ]

    def _value_text(self, name: str, value: str) -> str:
        text = getattr(self.filters[name], "text", None)
        return str(text(value)) if text else value

    @property
    def menus(self) -> list[Any]:
        """The bound fields of every filter but the search box, as the page draws them."""
        return [self.form[name] for name in self.filters if name != "q" and name not in self.hidden_menus]


def _without(given: QueryDict, name: str, value: str) -> str:
    rest = given.copy()
    rest.setlist(name, [one for one in given.getlist(name) if one != value])
    return rest.urlencode()
