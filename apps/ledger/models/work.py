"""What is due, and who leads."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class DueWork(models.Model):
    """Something to do at or after `at`. One row a `key`: asking twice is asking once.

    `epoch` grows with each claim, and fences whoever held it before; `asked` grows with each request, so that work
    asked for again while it runs is done again. `deaths` counts holders that died with it, one after another.
    """

    key = models.CharField(max_length=200, primary_key=True)
    kind = models.CharField(max_length=32)
    at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    holder = models.CharField(max_length=100, blank=True)
    epoch = models.BigIntegerField(default=0)
    asked = models.BigIntegerField(default=1)
    attempts = models.PositiveIntegerField(default=0)
    deaths = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        verbose_name = _("due work")
        verbose_name_plural = _("due work")
        indexes = [models.Index(fields=["at"], name="due_by_time")]

    def __str__(self) -> str:
        return self.key


class Lease(models.Model):
    """Who leads `name`, until when. `epoch` grows with each new holder."""

    name = models.CharField(max_length=200, primary_key=True)
    holder = models.CharField(max_length=100, blank=True)
    epoch = models.BigIntegerField(default=0)
    until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("lease")
        verbose_name_plural = _("leases")

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"
