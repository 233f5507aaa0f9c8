"""The page that connects a cluster: a kubeconfig by upload or by paste, and errors that name the field."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.fleet import services
from apps.identity.models import Team
from apps.identity.roles import Role, require_role
from apps.identity.visibility import visible_to
from apps.kernel.errors import Forbidden, PlimsollError
from apps.kernel.ports import MetricsConnection
from apps.ui.acting import explain, request_id, user_of

MOST_BYTES = 1024 * 1024
"""A kubeconfig has a few KiB; one with many contexts and certificates some hundreds."""


class ConnectForm(forms.Form):
    name = forms.SlugField(
        label=_("Name"), max_length=63, help_text=_("Lower-case letters, digits and hyphens; it stands on every page.")
    )
    kubeconfig_file = forms.FileField(label=_("Kubeconfig file"), required=False)
    kubeconfig = forms.CharField(
        label=_("or its text"), required=False, widget=forms.Textarea, strip=False, max_length=MOST_BYTES
    )
    context = forms.CharField(
        label=_("Context"), required=False, max_length=253, help_text=_("Empty: the current context of the file.")
    )
    environment = forms.CharField(
        label=_("Environment"),
        required=False,
        max_length=63,
        help_text=_("“production” makes manual actions wait for approval."),
    )
    region = forms.CharField(label=_("Region"), required=False, max_length=63)
    team = forms.ModelChoiceField(
        label=_("Team"), queryset=Team.objects.none(), required=False, empty_label=_("No team")
    )
    prometheus_url = forms.URLField(
        label=_("Prometheus address"),
        required=False,
        max_length=500,
        assume_scheme="http",
        help_text=_("Traffic is read from it. Without one only schedules can put workloads to sleep."),
    )
    prometheus_username = forms.CharField(label=_("User name"), required=False, max_length=200)
    prometheus_password = forms.CharField(
        label=_("Password"), required=False, max_length=500, widget=forms.PasswordInput, strip=False
    )
    prometheus_token = forms.CharField(
        label=_("Bearer token"), required=False, max_length=8000, widget=forms.PasswordInput
    )
    proxy_url = forms.URLField(label=_("Proxy"), required=False, max_length=500, assume_scheme="http")
    ca_pem = forms.CharField(
        label=_("CA certificates (PEM)"), required=False, widget=forms.Textarea, max_length=200_000
    )
    read_only = forms.BooleanField(label=_("Read only: leave the roles that write out"), required=False)

    def clean_kubeconfig_file(self) -> str:
        file: UploadedFile[Any] | None = self.cleaned_data.get("kubeconfig_file")
        if file is None:
            return ""
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError(
                gettext("This file has %(size)s MiB; at most %(limit)s MiB can be read. A kubeconfig has a few KiB.")
                % {"size": round((file.size or 0) / 1_048_576, 1), "limit": 1}
            )
        try:
            return bytes(file.read()).decode()
        except UnicodeDecodeError as e:
            raise forms.ValidationError(gettext("This is not a text file. Choose the kubeconfig itself.")) from e

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        file, text = data.get("kubeconfig_file"), (data.get("kubeconfig") or "").strip()
        if "kubeconfig_file" in data and not file and not text:
            self.add_error("kubeconfig", gettext("Upload a kubeconfig, or paste its text."))
        return data

    def new_cluster(self) -> services.NewCluster:
        data = self.cleaned_data
        metrics = None
        if data["prometheus_url"]:
            metrics = MetricsConnection(
                url=data["prometheus_url"], username=data["prometheus_username"],
                password=data["prometheus_password"], token=data["prometheus_token"],
            )  # fmt: skip
        return services.NewCluster(
            name=data["name"],
            kubeconfig=data["kubeconfig_file"] or data["kubeconfig"],
            context=data["context"] or None,
            metrics=metrics,
            team=data["team"],
            environment=data["environment"],
            region=data["region"],
            proxy_url=data["proxy_url"],
            ca_pem=data["ca_pem"],
            read_only=data["read_only"],
        )


_FORM_FIELDS = {"kubeconfig": "kubeconfig", "prometheus": "prometheus_url", "metrics": "prometheus_url"}


def field_of(error: PlimsollError, form: ConnectForm) -> str | None:
    """The form's field that an error of the service names, None for the form as a whole: a path such as
    `users[0].user.exec` is one inside the kubeconfig."""
    path = error.field or ""
    head = path.split(".")[0].split("[")[0]
    if head in form.fields:
        return head
    if head in ("users", "clusters", "contexts", "current-context", "apiVersion", "kind"):
        return "kubeconfig"
    return _FORM_FIELDS.get(head)


@login_required
def connect(request: HttpRequest) -> HttpResponse:
    """GET: the form, and what would be applied. POST: connects, then shows what the account may and may not do."""
    user = user_of(request)
    form = ConnectForm(request.POST or None, request.FILES or None)
    team_field = form.fields["team"]
    if isinstance(team_field, forms.ModelChoiceField):
        team_field.queryset = visible_to(Team, user, role=Role.ADMIN)
    if request.method != "POST" or not form.is_valid():
        status = 400 if request.method == "POST" else 200
        return render(request, "fleet/connect.html", {"form": form, "most_bytes": MOST_BYTES}, status=status)
    given = form.new_cluster()
    try:
        if given.team is not None:
            require_role(user, Role.ADMIN, given.team)
        elif not user.is_superuser:
            raise Forbidden(
                gettext("only a superuser connects a cluster of no team"),
                field="team",
                mend=gettext("name a team that you administer"),
            )
        report = services.add_cluster(given, actor=user, request_id=request_id(request))
    except PlimsollError as e:
        form.add_error(field_of(e, form), explain(e))
        return render(request, "fleet/connect.html", {"form": form, "most_bytes": MOST_BYTES}, status=400)
    messages.success(request, gettext("%(name)s is connected.") % {"name": report.cluster.name})
    context = {"cluster": report.cluster, "report": report.connection, "applied": report.applied}
    return render(request, "fleet/report.html", context)
