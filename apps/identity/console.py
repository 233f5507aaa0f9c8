"""What the admin console's pages share: they show, they record, they ask before they act.

Others' ModelAdmins build on these: `ReadOnlyAdmin` for rows that only services write, `RecordedAdmin` for settings that
may be edited by hand, and `ask` for an action that needs a form first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import models
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from apps.identity.models import User
from apps.identity.recording import note
from apps.identity.visibility import visible_to

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


def request_id(request: HttpRequest) -> str:
    return str(getattr(request, "request_id", ""))


def person(request: HttpRequest) -> User:
    """Who is at the console. The admin site lets nobody else in."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101
    return user


class ReadOnlyAdmin(ModelAdmin):
    """Rows that only services write. Staff see what the portal shows them too; superusers see all.

    `sealed` are columns that nobody sees here: an address that filters by one would tell them letter by letter.
    """

    actions_on_bottom = True
    sealed: ClassVar[frozenset[str]] = frozenset()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup.split("__")[0] not in self.sealed and super().lookup_allowed(lookup, value, request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and bool(getattr(request.user, "is_staff", False))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return visible_to(super().get_queryset(request), person(request))


class RecordedAdmin(ModelAdmin):
    """Rows that may be edited at the console: each change is a record of the ledger, naming fields but no values."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._note(request, obj, "Added", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._note(request, obj, "Changed", message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self._note(request, obj, "Deleted", [])
        return super().log_deletions(request, queryset)

    def _note(self, request: HttpRequest, obj: Any, event: str, message: Any) -> None:
        label = obj._meta.label_lower
        body = {"event": event, "model": label, "name": str(obj), "changes": message}
        note(
            "Setting",
            body=body,
            actor=person(request),
            request_id=request_id(request),
            subject=f"{obj._meta.model_name}:{obj.pk}",
            cluster=obj if label == "fleet.cluster" else getattr(obj, "cluster", None),
        )


ONLY_VISIBLE = admin.RelatedOnlyFieldListFilter
"""For `list_filter`: it offers what the visible rows hold. Django's own offers every cluster there is."""


class ReasonForm(forms.Form):
    """Why: it stands in the record beside the one who gave it."""

    reason = forms.CharField(label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


def ask(
    model_admin: Any, request: HttpRequest, queryset: models.QuerySet[Any], *, action: str, title: Any, form: forms.Form
) -> TemplateResponse:
    """The page between choosing an action and doing it. Its form comes back to the same action, with `apply`."""
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "action": action,
        "rows": queryset,
        "form": form,
        "checkbox": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/plimsoll/ask.html", context)


def is_applied(request: HttpRequest) -> bool:
    """Whether the form of `ask` has been sent, rather than the action just been chosen."""
    return "apply" in request.POST
