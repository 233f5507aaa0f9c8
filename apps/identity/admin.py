"""Users, teams and tokens at the admin console, and who has which role."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import models, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.identity import services
from apps.identity.console import ModelAdmin, ReadOnlyAdmin, RecordedAdmin, ask, is_applied, person, request_id
from apps.identity.login import LoginForm
from apps.identity.models import ApiToken, Team, User
from apps.identity.roles import Role, grants_on
from apps.kernel.errors import PlimsollError

admin.site.site_header = gettext_lazy("Plimsoll administration")
admin.site.site_title = gettext_lazy("Plimsoll administration")


class ConsoleLoginForm(LoginForm, AdminAuthenticationForm):
    """The console's own form lets staff in only; ours says who is stopped."""

    error_messages = {**AdminAuthenticationForm.error_messages, "stopped": LoginForm.error_messages["stopped"]}


admin.site.login_form = ConsoleLoginForm

ROLES = [
    ("viewer", gettext_lazy("Viewer")),
    ("operator", gettext_lazy("Operator")),
    ("approver", gettext_lazy("Approver")),
    ("admin", gettext_lazy("Admin")),
    ("", gettext_lazy("No role")),
]


class RoleForm(forms.Form):
    """One holder, a user or a group, and the role to give."""

    user = forms.ModelChoiceField(User.objects.filter(is_active=True), label=gettext_lazy("User"), required=False)
    group = forms.ModelChoiceField(Group.objects.all(), label=gettext_lazy("Group"), required=False)
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=ROLES, required=False)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if bool(data.get("user")) == bool(data.get("group")):
            raise forms.ValidationError(_("Choose a user or a group."))
        return data


class GrantingAdmin(ModelAdmin):
    """Adds the action "Give a role" and the list of who has one; for Team, Cluster and Policy."""

    actions = ["give_role"]

    @admin.display(description=gettext_lazy("roles"))
    def roles(self, obj: models.Model) -> str:
        names = dict(ROLES)
        return ", ".join(f"{holder}: {names[role.name.lower()]}" for holder, role in grants_on(obj)) or "-"

    @admin.action(description=gettext_lazy("Give a role"), permissions=["view"])
    def give_role(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> HttpResponseBase | None:
        form = RoleForm(request.POST if is_applied(request) else None)
        if not form.is_valid():
            return ask(self, request, queryset, action="give_role", title=_("Give a role"), form=form)
        holder, role = form.cleaned_data["user"] or form.cleaned_data["group"], form.cleaned_data["role"]
        try:
            with transaction.atomic():
                for on in queryset:
                    _set_role(holder, role, on, request)
        except PlimsollError as e:
            messages.error(request, str(e))
        else:
            messages.success(request, _("The roles were changed."))
        return None


def _set_role(holder: User | Group, role: str, on: models.Model, request: HttpRequest) -> None:
    actor, about = person(request), request_id(request)
    if role:
        services.grant(holder=holder, role=Role[role.upper()], on=on, actor=actor, request_id=about)
    else:
        services.revoke(holder=holder, on=on, actor=actor, request_id=about)


@admin.register(User)
class UserAdmin(RecordedAdmin, DjangoUserAdmin):  # type: ignore[type-arg]
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "is_service", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "is_service", "groups")
    readonly_fields = ("is_service", "last_login", "date_joined")


@admin.register(Team)
class TeamAdmin(RecordedAdmin, GrantingAdmin):
    list_display = ("name", "title", "roles")
    search_fields = ("name", "title")
    readonly_fields = ("roles",)
    fields = ("name", "title", "roles")


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
    search_fields = ("name", "user__username", "prefix")
    list_select_related = ("user",)
    actions = ["revoke"]
    sealed = frozenset({"digest"})

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[ApiToken]:
        tokens = ApiToken.objects.all()
        return tokens if person(request).is_superuser else tokens.filter(user=person(request))

    @admin.action(description=gettext_lazy("Revoke"), permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: models.QuerySet[ApiToken]) -> None:
        for token in queryset:
            services.revoke_token(token=token, actor=person(request), request_id=request_id(request))
        messages.success(request, _("The tokens were revoked."))
