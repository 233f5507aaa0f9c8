"""Users and the teams that own things. Roles are guardian grants on Team, Cluster and Policy; see roles.py."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _
from guardian.mixins import GuardianUserMixin

from apps.kernel.ids import uuid7


class User(GuardianUserMixin, AbstractUser):
    """A person, or a service when `is_service`: a service has no password and acts by tokens only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    is_service = models.BooleanField(_("service account"), default=False)

    class Meta(AbstractUser.Meta):
        verbose_name = _("user")
        verbose_name_plural = _("users")


class Team(models.Model):
    """Owns clusters, namespaces and policies. Membership is a grant on the team, so that it can carry a role."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.SlugField(_("name"), max_length=63, unique=True)
    title = models.CharField(_("title"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ["name"]
        permissions = [
            ("view_in_team", "Viewer: see what the team owns"),
            ("operate_in_team", "Operator: sleep, wake and change policies of the team"),
            ("approve_in_team", "Approver: approve sensitive actions on what the team owns"),
            ("admin_team", "Admin: connect clusters, grant roles"),
        ]

    def __str__(self) -> str:
        return self.title or self.name
