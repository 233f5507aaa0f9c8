"""What a person chose for themselves: language, theme, density, columns, saved views, stars."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.identity.models import Team
from apps.kernel.ids import uuid7


class Theme(models.TextChoices):
    AUTO = "auto", _("Like the system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class Density(models.TextChoices):
    COMFORTABLE = "comfortable", _("Comfortable")
    COMPACT = "compact", _("Compact")


class Preferences(models.Model):
    """One row a user, made on the first change. `language` "" follows the browser."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="preferences"
    )
    language = models.CharField(_("language"), max_length=16, blank=True)
    theme = models.CharField(_("theme"), max_length=8, choices=Theme.choices, default=Theme.AUTO)
    density = models.CharField(_("density"), max_length=12, choices=Density.choices, default=Density.COMFORTABLE)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.theme}, {self.density}"


class TableLayout(models.Model):
    """The columns one user shows in one table, in order; `sort` is the order it opens with ("" is the table's own)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    table = models.CharField(max_length=40)
    columns = models.JSONField(default=list)
    sort = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "table"], name="ui_one_layout_per_table")]

    def __str__(self) -> str:
        return f"{self.table} of {self.user_id}"


class SavedView(models.Model):
    """A named filter of a list page. `team` set: everyone of that team sees it; `shared`: everyone does. `is_default`:
    what the owner's page opens with."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    page = models.CharField(_("page"), max_length=40)
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(_("filter"), max_length=2000, blank=True)
    shared = models.BooleanField(_("shared"), default=False)
    is_default = models.BooleanField(_("default"), default=False)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "page", "name"], name="ui_one_view_per_name"),
            models.UniqueConstraint(
                fields=["user", "page"], condition=models.Q(is_default=True), name="ui_one_default_per_page"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Visited(models.Model):
    """An object page a user has opened; `starred` ones stay, of the others the newest are kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    url = models.CharField(max_length=300)
    label = models.CharField(max_length=300)
    detail = models.CharField(max_length=300, blank=True)
    icon = models.CharField(max_length=40)
    starred = models.BooleanField(default=False)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-seen_at"]
        constraints = [models.UniqueConstraint(fields=["user", "url"], name="ui_one_visit_per_page")]

    def __str__(self) -> str:
        return self.label
