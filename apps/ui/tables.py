"""Tables of a list page: columns that show times, money, states and reasons the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.ui import markup
from apps.ui.markup import StateLook

Cell = str | SafeString


class SelectColumn(tables.Column):  # type: ignore[misc]
    """The box that picks a row for a bulk action. Its name for screen readers is the row's own."""

    def __init__(self) -> None:
        super().__init__(
            accessor="pk", orderable=False, verbose_name="", exclude_from_export=True,
            attrs={"th": {"class": "col-select"}, "td": {"class": "col-select"}},
        )  # fmt: skip

    @property
    def header(self) -> SafeString:
        return format_html(
            '<input type="checkbox" class="form-check-input" data-select-page aria-label="{}">',
            gettext("Select this page"),
        )

    def render(self, value: Any, record: Any) -> SafeString:
        label = gettext("Select %(name)s") % {"name": str(record)}
        return format_html(
            '<input type="checkbox" class="form-check-input" name="ids" value="{}" form="bulk" aria-label="{}">',
            value, label,
        )  # fmt: skip


class LinkColumn(tables.Column):  # type: ignore[misc]
    """The row's own name as a link, with a smaller line under it that says where it is. `drawer` opens it beside;
    `yaml` is where the key y leads."""

    def __init__(
        self,
        *,
        url: Callable[[Any], str],
        under: Callable[[Any], Any] | None = None,
        drawer: bool = False,
        yaml: Callable[[Any], str] | None = None,
        **kw: Any,
    ) -> None:
        self._url, self._under, self._drawer, self._yaml = url, under, drawer, yaml
        super().__init__(**kw)

    def render(self, value: Any, record: Any) -> SafeString:
        mark = mark_safe(" data-drawer") if self._drawer else ""
        link = format_html('<a class="row-link" href="{}"{}>{}</a>', self._url(record), mark, value)
        if self._yaml:
            link = format_html('{}<a hidden data-key="y" href="{}">YAML</a>', link, self._yaml(record))
        under = self._under(record) if self._under else ""
        return format_html('{}<div class="under">{}</div>', link, under) if under else link

    def value(self, value: Any) -> Any:
        return value


class WhenColumn(tables.Column):  # type: ignore[misc]
    def render(self, value: Any) -> Cell:
        return markup.when(value)

    def value(self, value: Any) -> str:
        return value.isoformat() if value else ""


class NumberColumn(tables.Column):  # type: ignore[misc]
    """Right-aligned; `text` turns the value into what is shown, with its unit."""

    def __init__(self, *, text: Callable[[Any], Cell] = markup.number, **kw: Any) -> None:
        self._text = text
        kw.setdefault("attrs", {"th": {"class": "num"}, "td": {"class": "num"}})
        super().__init__(**kw)

    def render(self, value: Any) -> Cell:
        return self._text(value)

    def value(self, value: Any) -> Any:
        return value


class StateColumn(tables.Column):  # type: ignore[misc]
    def __init__(self, looks: Mapping[str, StateLook], **kw: Any) -> None:
        self._looks = looks
        super().__init__(**kw)

    def render(self, record: Any, bound_column: Any) -> Cell:
        # The value itself: of a field with choices the table would hand over the translated word.
        return markup.state(self._looks, str(bound_column.accessor.resolve(record)))

    def value(self, record: Any, bound_column: Any) -> str:
        return str(bound_column.accessor.resolve(record))


class ReasonColumn(tables.Column):  # type: ignore[misc]
    """The reason of `record.reason_code` and `record.reason_operands` (or `operands`), opening its decision."""

    def __init__(self, *, url: Callable[[Any], str] | None = None, **kw: Any) -> None:
        self._url = url
        super().__init__(**kw)

    def render(self, value: Any, record: Any) -> Cell:
        operands = getattr(record, "reason_operands", None) or getattr(record, "operands", None) or {}
        return markup.reason(value, operands, url=self._url(record) if self._url else "")

    def value(self, value: Any) -> Any:
        return value


def row_id(record: Any) -> str:
    return f"row-{record.pk}"


class ListTable(tables.Table):  # type: ignore[misc]
    """`fixed` columns are always shown; `hidden` ones only when a user asks for them."""

    fixed: ClassVar[tuple[str, ...]] = ("select",)
    hidden: ClassVar[tuple[str, ...]] = ()

    class Meta:
        template_name = "ui/table.html"
        attrs: ClassVar[dict[str, str]] = {"class": "table table-vcenter card-table table-list"}
        row_attrs: ClassVar[dict[str, Any]] = {"id": row_id, "data-id": lambda record: str(record.pk)}
        default = markup.NOTHING
        empty_text = _("Nothing here")
        order_by_field = "sort"

    @classmethod
    def names(cls) -> list[str]:
        """The columns a user may choose from, in the table's own order."""
        return [name for name in cls.base_columns if name not in cls.fixed]

    @classmethod
    def exported(cls) -> list[str]:
        """Every column but the box that picks a row."""
        return [name for name, column in cls.base_columns.items() if not isinstance(column, SelectColumn)]

    @classmethod
    def label(cls, name: str) -> str:
        return str(cls.base_columns[name].verbose_name or name)
