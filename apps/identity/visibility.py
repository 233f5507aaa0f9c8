"""What a user may see: one filter for page, API, export and live updates."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models
from django.db.models import Q

from apps.identity.roles import AnyUser, Reach, Role, reach

M = TypeVar("M", bound=models.Model)


def visible_to(rows: models.QuerySet[M] | type[M], user: AnyUser, *, role: Role = Role.VIEWER) -> models.QuerySet[M]:
    """The rows on which `user` has `role`. Two queries for the grants, none inside the returned one's way."""
    queryset: models.QuerySet[M] = rows if isinstance(rows, models.QuerySet) else rows._default_manager.all()
    where = reach(user, role=role)
    if where.everything:
        return queryset
    return queryset.filter(_within(queryset.model, where))


def _within(model: type[models.Model], where: Reach) -> Q:
    label = model._meta.label_lower
    if label == "identity.team":
        return Q(pk__in=where.teams)
    within = Q(pk__in=[])
    if label == "fleet.cluster":
        within |= Q(pk__in=where.clusters)
    if label == "policies.policy":
        within |= Q(pk__in=where.policies)
    names = {field.name for field in model._meta.get_fields()}
    if "team" in names:
        within |= Q(team__in=where.teams)
    if "cluster" in names:
        within |= Q(cluster__in=where.clusters) | Q(cluster__team__in=where.teams)
    return within


class VisibleQuerySet(models.QuerySet[M]):
    """A queryset that knows who may see its rows: `Model.objects.visible_to(user)`."""

    def visible_to(self, user: Any, *, role: Role = Role.VIEWER) -> models.QuerySet[M]:
        return visible_to(self, user, role=role)
