"""A list page: filter, table, saved views, columns, export, live rows. A page names its parts; this draws them.

`GET ?` knows, beside the filters:
    sort, page, per_page    order and paging
    export=csv|json         the filter's rows as a file
    rows=ID,ID              only these rows of the table (live updates)
    open=/decisions/ID/     what the drawer shows
    view=ID                 a saved view: redirects to its filter
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.paginator import EmptyPage, PageNotAnInteger
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.views import View

from apps.ui import export, registry
from apps.ui.acting import user_of
from apps.ui.filters import NOT_FILTERS, ListFilters
from apps.ui.models import SavedView, TableLayout
from apps.ui.tables import ListTable

PER_PAGE = 50
MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class Empty:
    """What stands where rows would: nothing has come yet, and the next step. `url` "" shows no button."""

    title: Any
    text: Any
    action: Any = ""
    url_name: str = ""
    icon: str = "inbox"
    command: str = ""


class ListPage(LoginRequiredMixin, View):
    """`key` names the table in layouts, saved views, exports and row actions; `topic` is the live topic of its rows."""

    key: ClassVar[str]
    title: ClassVar[Any]
    lead: ClassVar[Any] = ""
    table_class: ClassVar[type[ListTable]]
    filterset_class: ClassVar[type[ListFilters]]
    empty: ClassVar[Empty]
    topic: ClassVar[str] = ""
    template_name: ClassVar[str] = "ui/list.html"
    help_slug: ClassVar[str] = ""

    request: HttpRequest

    def queryset(self) -> QuerySet[Any]:
        """What this user may see, with everything a row shows."""
        raise NotImplementedError

    def context(self) -> dict[str, Any]:
        """More for the template; `primary` is the page's main button as (label, url, icon)."""
        return {}

    def get(self, request: HttpRequest) -> HttpResponseBase:
        chosen = self._chosen_view()
        if chosen is not None:
            return HttpResponseRedirect(f"{request.path}?{chosen}")
        filters = self.filterset_class(request.GET, queryset=self.queryset(), request=request)
        layout = TableLayout.objects.filter(user=user_of(request), table=self.key).first()
        form = request.GET.get("export")
        if form in export.FORMATS:
            return self._export(filters, form)
        if "rows" in request.GET:
            return self._rows(filters, layout)
        return self._page(filters, layout)

    def _chosen_view(self) -> str | None:
        """The query of the saved view asked for, or of the default one when nothing is asked; else None."""
        params = self.request.GET
        mine = Q(user=user_of(self.request))
        if "view" in params:
            try:
                found = SavedView.objects.filter(mine | Q(shared=True), page=self.key, pk=UUID(params["view"])).first()
            except ValueError:
                found = None
            return f"{found.query}&saved={found.pk}" if found else "saved="
        if params or self.request.headers.get("HX-Request"):
            return None
        default = SavedView.objects.filter(mine, page=self.key, is_default=True).first()
        return f"{default.query}&saved={default.pk}" if default else None

    def _table(self, rows: QuerySet[Any], layout: TableLayout | None, *, per_page: int | None) -> ListTable:
        names = self.table_class.names()
        shown = [n for n in (layout.columns if layout else []) if n in names]
        shown = shown or [n for n in names if n not in self.table_class.hidden]
        table = self.table_class(
            rows,
            request=self.request,
            order_by=self.request.GET.get("sort") or (layout.sort if layout else None) or None,
            sequence=[*(n for n in self.table_class.fixed if n in self.table_class.base_columns), *shown, "..."],
            exclude=[n for n in names if n not in shown],
        )
        if per_page is not None:
            try:
                table.paginate(page=self.request.GET.get("page", 1), per_page=per_page)
            except PageNotAnInteger:
                table.paginate(page=1, per_page=per_page)
            except EmptyPage:
                table.paginate(page=table.paginator.num_pages, per_page=per_page)
        return table

    def _page(self, filters: ListFilters, layout: TableLayout | None) -> HttpResponse:
        given = filters.given
        table = self._table(filters.qs, layout, per_page=self._per_page())
        total = table.paginator.count
        views = SavedView.objects.filter(Q(user=user_of(self.request)) | Q(shared=True), page=self.key)
        context = {
            "page": self, "filters": filters, "table": table, "total": total, "given": given.urlencode(),
            "filtered": bool(given), "layout": layout, "views": list(views.select_related("user")),
            "columns": self._columns(table), "saved": self.request.GET.get("saved", ""),
            "row_actions": self._row_actions(), "topics": self.topic,
            "reset": "?" + urlencode({"all": "1"}), **self.context(),
        }  # fmt: skip
        target = self.request.headers.get("HX-Target")
        return render(self.request, "ui/list_body.html" if target == "list" else self.template_name, context)

    def _per_page(self) -> int:
        asked = self.request.GET.get("per_page", "")
        return min(int(asked), MOST_ROWS) or PER_PAGE if asked.isdecimal() and len(asked) < 6 else PER_PAGE

    def _columns(self, table: ListTable) -> list[tuple[str, str, bool]]:
        """(name, label, shown) of every column a user may choose, the shown ones first and in their order."""
        shown = [column.name for column in table.columns if column.name not in self.table_class.fixed]
        rest = [name for name in self.table_class.names() if name not in shown]
        return [(name, self.table_class.label(name), name in shown) for name in [*shown, *rest]]

    def _row_actions(self) -> list[registry.RowAction]:
        actions: list[registry.RowAction] = registry.entries("row_actions")
        return [one for one in actions if one.table == self.key and one.permitted(self.request.user)]

    def _rows(self, filters: ListFilters, layout: TableLayout | None) -> HttpResponse:
        """Only the `<tr>`s asked for that still match the filter; those that do not are missing from the answer."""
        table = self._table(filters.qs.filter(pk__in=_ids(self.request.GET["rows"])), layout, per_page=None)
        return render(self.request, "ui/rows.html", {"table": table})

    def _export(self, filters: ListFilters, form: Any) -> HttpResponseBase:
        names = self.table_class.exported()
        table = self.table_class(filters.qs, request=self.request)
        rows = ([_value(row, name) for name in names] for row in table.rows)
        return export.stream(self.request, names, rows, name=f"plimsoll-{self.key}", form=form)


def _value(row: Any, name: str) -> Any:
    return row.get_cell_value(name)


def _ids(text: str) -> list[UUID]:
    found = []
    for part in text.split(",")[:MOST_ROWS]:
        try:
            found.append(UUID(part))
        except ValueError:
            continue
    return found


def selection(request: HttpRequest, *, queryset: QuerySet[Any], filterset: type[ListFilters]) -> QuerySet[Any]:
    """The rows a bulk form means: the ids it names, or with `all=1` every row of the filter it carries in `query`."""
    if request.POST.get("all") == "1":
        filters = filterset(QueryDict(request.POST.get("query", "")), queryset=queryset, request=request)
        found: QuerySet[Any] = filters.qs
        return found
    return queryset.filter(pk__in=_ids(",".join(request.POST.getlist("ids"))))


def filter_query(request: HttpRequest) -> str:
    """The request's filters alone, as a saved view keeps them."""
    kept = request.GET.copy()
    for name in [*NOT_FILTERS, "saved", "all"]:
        kept.pop(name, None)
    return kept.urlencode()
