"""Users and the teams that own things. Roles are guardian grants on Team, Cluster and Policy; see roles.py."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _
from guardian.mixins import GuardianUserMixin

from apps.kernel.ids import uuid7


class Scope(models.TextChoices):
    """What a token may do at most; each includes the ones before it. A token never exceeds its user."""

    READ = "read", _("Read")
    OPERATE = "operate", _("Operate")
    APPROVE = "approve", _("Approve")
    ADMIN = "admin", _("Admin")


class User(GuardianUserMixin, AbstractUser):
    """A person, or a service when `is_service`: a service has no password and acts by tokens only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    is_service = models.BooleanField(_("service account"), default=False)

    class Meta:
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


class ApiToken(models.Model):
    """A bearer token. The token itself is shown once; `digest` is its SHA-256 in hex, `prefix` its first characters.

    `expires_at` null means it does not expire; `last_used_at` is written at most once a minute.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens", verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(_("prefix"), max_length=16, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class LoginThrottle(models.Model):
    """Failed logins of one user name from one address since `window_start`. `key` is a digest of the two."""

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    window_start = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("failed logins")
        verbose_name_plural = _("failed logins")

    def __str__(self) -> str:
        return f"{self.failures}"
