"""Every URL. Each app brings its own under its own prefix."""

from __future__ import annotations

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from portal.health import healthz, readyz
from portal.metrics import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("api/v1/", include("portal.api")),
    path("admin/", admin.site.urls),
]

for module in ("apps.identity.urls", "apps.fleet.urls", "apps.ledger.urls", "apps.policies.urls", "apps.ui.urls"):
    if find_spec(module) is not None:
        urlpatterns.append(path("", include(module)))

urlpatterns.append(path("", RedirectView.as_view(url="/admin/")))

handler400 = "apps.ui.errors.bad_request"
handler403 = "apps.ui.errors.denied"
handler404 = "apps.ui.errors.not_found"
handler500 = "apps.ui.errors.server_error"
