"""Filters of teams, users and tokens. `identity` stands below `ui`, so they are plain django-filter ones."""

from __future__ import annotations

import django_filters
from django.utils.translation import gettext_lazy as _

from apps.identity.models import ApiToken, Team, User


class TeamFilters(django_filters.FilterSet):  # type: ignore[misc]
    name = django_filters.CharFilter(label=_("Name"))
    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label=_("Search"))

    class Meta:
        model = Team
        fields: tuple[str, ...] = ()


class UserFilters(django_filters.FilterSet):  # type: ignore[misc]
    username = django_filters.CharFilter(label=_("User name"))
    q = django_filters.CharFilter(field_name="username", lookup_expr="icontains", label=_("Search"))
    is_service = django_filters.BooleanFilter(label=_("Service account"))

    class Meta:
        model = User
        fields: tuple[str, ...] = ()


class TokenFilters(django_filters.FilterSet):  # type: ignore[misc]
    name = django_filters.CharFilter(label=_("Name"))
    user = django_filters.CharFilter(field_name="user__username", label=_("User"))
    revoked = django_filters.BooleanFilter(
        field_name="revoked_at", lookup_expr="isnull", exclude=True, label=_("Revoked")
    )

    class Meta:
        model = ApiToken
        fields: tuple[str, ...] = ()
