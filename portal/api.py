"""/api/v1/: the root, the routes of every app, the schema, and problem+json for what matches no route."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver, path, re_path
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import DefaultRouter

import portal.openapi  # noqa: F401  registers the token with drf-spectacular
from apps.identity.rest.problems import Problem, problem_response
from apps.kernel.ports import load

# The policies app is first: its `workloads/sleep` stands beside the fleet's `workloads/{id}`.
APPS = ("policies", "ledger", "fleet", "identity")


class Router(DefaultRouter):
    """Every address works with and without the slash at its end; POST would lose its body in a redirect."""

    include_format_suffixes = False

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"


def router() -> Router:
    made = Router()
    for app in APPS:
        if find_spec(f"apps.{app}.api") is None:
            continue
        for prefix, view, basename in load(f"apps.{app}.api.ROUTES"):
            made.register(prefix, view, basename=basename)
    return made


@csrf_exempt  # a token's POST to a mistyped address is told of the address, not of a form
def no_such_route(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
    problem = Problem(404, "NotFound", f"{request.path} is no address of this API; /api/v1/ lists them.")
    return problem_response(problem, request=request)


urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    *router().urls,
    re_path(r"^.*$", no_such_route),
]
