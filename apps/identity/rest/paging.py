"""Pages with a total count: `?page=2&per_page=50`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.kernel.errors import InvalidInput


class Pages(PageNumberPagination):
    page_size = 100
    page_query_param = "page"
    page_size_query_param = "per_page"
    max_page_size = 1000

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except NotFound:
            raise InvalidInput(
                _("there is no such page"), field="page", mend=_("write a number from 1 to the last page")
            ) from None

    def get_paginated_response(self, data: Any) -> Response:
        assert self.page is not None  # noqa: S101  the framework paginates before it answers
        return Response(
            {
                "items": data,
                "count": self.page.paginator.count,
                "page": self.page.number,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "nullable": True, "format": "uri"}
        return {
            "type": "object",
            "required": ["items", "count", "page", "next", "previous"],
            "properties": {
                "items": schema,
                "count": {"type": "integer", "description": "How many there are on all pages."},
                "page": {"type": "integer"},
                "next": link,
                "previous": link,
            },
        }
