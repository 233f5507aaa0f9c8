"""A user's own page: preferences, password, API tokens."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.identity import services
from apps.identity.models import ApiToken
from apps.ui import markup
from apps.ui.acting import attempt, request_id, user_of
from apps.ui.models import Density, Theme

SCOPES = [
    ("read", gettext_lazy("Read: see what you may see")),
    ("operate", gettext_lazy("Operate: sleep, wake, change policies")),
    ("approve", gettext_lazy("Approve: answer approvals")),
    ("admin", gettext_lazy("Admin: connect clusters, grant roles")),
]
LIFETIMES = [
    ("7", gettext_lazy("7 days")),
    ("30", gettext_lazy("30 days")),
    ("90", gettext_lazy("90 days")),
    ("365", gettext_lazy("1 year")),
    ("", gettext_lazy("Never expires")),
]


class TokenForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    scope = forms.ChoiceField(label=gettext_lazy("Scope"), choices=SCOPES, initial="read")
    days = forms.ChoiceField(label=gettext_lazy("Lifetime"), choices=LIFETIMES, initial="90", required=False)


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    return _page(request, TokenForm(), PasswordChangeForm(user_of(request)))


def _page(
    request: HttpRequest,
    token_form: TokenForm,
    password_form: PasswordChangeForm,
    *,
    issued: str = "",
    status: int = 200,
) -> HttpResponse:
    tokens = ApiToken.objects.filter(user=user_of(request)).order_by("revoked_at", "-created_at")
    context = {
        "token_form": token_form, "password_form": password_form, "tokens": tokens, "issued": issued,
        "themes": Theme.choices, "densities": Density.choices, "now": markup.now(),
    }  # fmt: skip
    return render(request, "ui/profile.html", context, status=status)


@login_required
@require_POST
def token_create(request: HttpRequest) -> HttpResponse:
    """Issues a token and shows it, on this answer and never again."""
    user = user_of(request)
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form, PasswordChangeForm(user), status=400)
    days = form.cleaned_data["days"]
    with attempt(request) as tried:
        _token, plain = services.issue_token(
            user=user, name=form.cleaned_data["name"], scopes=[form.cleaned_data["scope"]],
            expires_in=timedelta(days=int(days)) if days else None, actor=user, request_id=request_id(request),
        )  # fmt: skip
        response = _page(request, TokenForm(), PasswordChangeForm(user), issued=plain)
        response["Cache-Control"] = "no-store"
        return response
    return _page(request, form, PasswordChangeForm(user), status=409 if tried.failed else 200)


@login_required
@require_POST
def token_revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = user_of(request)
    token = get_object_or_404(ApiToken, pk=pk, user=user)
    with attempt(request) as tried:
        services.revoke_token(token=token, actor=user, request_id=request_id(request))
    if not tried.failed:
        messages.success(
            request, _("The token %(name)s is revoked: it opens nothing from now on.") % {"name": token.name}
        )
    return HttpResponseRedirect(reverse("ui:profile"))


@login_required
@require_POST
def password_change(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    form = PasswordChangeForm(user, request.POST)
    if not form.is_valid():
        return _page(request, TokenForm(), form, status=400)
    with transaction.atomic():
        changed = form.save()
        body = {"event": "PasswordChanged", "user": user.get_username()}
        services.note("Setting", body=body, actor=user, request_id=request_id(request), subject=f"user:{user.pk}")
    update_session_auth_hash(request, changed)
    messages.success(request, _("Your password is changed. Other sessions are signed out."))
    return HttpResponseRedirect(reverse("ui:profile"))
