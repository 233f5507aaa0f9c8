"""The base view sets: everything is filtered to what the user may see, writes are idempotent when asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

import structlog
from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework import mixins, viewsets
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from apps.identity.models import Scope, User
from apps.identity.rest.idempotency import Claim, claim
from apps.identity.rest.problems import request_id_of
from apps.identity.visibility import visible_to

UUID_PATTERN = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class ApiView(viewsets.GenericViewSet[Any]):
    """A view set whose writes honour Idempotency-Key."""

    scopes: ClassVar[Mapping[str, Scope]] = {}
    secret_answers: ClassVar[frozenset[str]] = frozenset()
    """Actions whose answer holds a secret, and so is not kept under its Idempotency-Key."""
    _claim: Claim | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        structlog.contextvars.bind_contextvars(actor=str(request.user))
        if request.method not in SAFE_METHODS:
            self._claim = claim(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        if self._claim is not None:
            self._claim.keep(final, secret=self.action in self.secret_answers)
            self._claim = None
        return final

    @property
    def actor(self) -> User:
        """Who asks. The permission has refused the anonymous."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101
        return user

    @property
    def request_id(self) -> str:
        return request_id_of(self.request)


class Rows(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiView):
    """`queryset`'s rows that the user may see, as a list and one by one. `sortable`: name in the API -> field."""

    sortable: ClassVar[Mapping[str, str]] = {}
    lookup_value_regex = UUID_PATTERN

    def get_queryset(self) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().get_queryset()
        return visible_to(queryset, self.request.user)

    def get_object(self) -> Any:
        """The row of the URL. 404 for what is not there and for what this user may not see, so that ids do not leak.
        The list's filters do not apply."""
        try:
            key = UUID(self.kwargs["pk"])
            row: Model = self.get_queryset().get(pk=key)
        except (ValueError, self.get_queryset().model.DoesNotExist):
            raise Http404 from None
        return row
