"""The pages' FilterSets and orders, for lists of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from apps.kernel.errors import InvalidInput

if TYPE_CHECKING:  # the settings name this module, and the views read the settings
    from rest_framework.views import APIView

PAGING = frozenset({"page", "per_page", "sort", "format"})


class StrictFilters(DjangoFilterBackend):  # type: ignore[misc]
    """The view's FilterSet. A name that is no filter is an error: a misspelt one must not answer with everything."""

    def get_filterset_kwargs(self, request: Request, queryset: QuerySet[Any], view: APIView) -> dict[str, Any]:
        """Without the request: no filter looks at it, and a form copies all that its fields can reach."""
        return {"data": request.query_params, "queryset": queryset}

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        known = set(filterset_class.base_filters) if filterset_class is not None else set()
        for name in request.query_params:
            if name not in known and name not in PAGING:
                raise InvalidInput(
                    _("this list has no such filter"),
                    field=name,
                    mend=_("one of %(names)s") % {"names": ", ".join(sorted(known | PAGING))},
                )
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


class Sorted(BaseFilterBackend):
    """`?sort=-time,name`: the view's `sortable` maps each name to a field. The primary key ends every order, so that
    pages never overlap."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        sortable: Mapping[str, str] = getattr(view, "sortable", {})
        wanted = [name.strip() for name in request.query_params.get("sort", "").split(",") if name.strip()]
        if not wanted:
            return queryset
        fields = []
        for name in wanted:
            sign, bare = ("-", name[1:]) if name.startswith("-") else ("", name)
            if bare not in sortable:
                raise InvalidInput(
                    _("this list cannot be sorted by it"),
                    field="sort",
                    mend=_("one of %(names)s") % {"names": ", ".join(sorted(sortable))},
                )
            fields.append(sign + sortable[bare])
        return queryset.order_by(*fields, "pk")

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        sortable: Mapping[str, str] = getattr(view, "sortable", {})
        if not sortable:
            return []
        return [
            {
                "name": "sort",
                "in": "query",
                "required": False,
                "description": "Comma-separated: " + ", ".join(sorted(sortable)) + "; a leading minus turns it around.",
                "schema": {"type": "string"},
            }
        ]
