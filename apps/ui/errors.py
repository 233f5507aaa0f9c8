"""Error pages that say what happened and what to do. Under /api/ the answer is problem+json instead."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from apps.identity.rest.problems import Problem, problem_response

API = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(
        request, 400, "BadRequest", _("The request cannot be read"), _("Go back, check what was sent, try again.")
    )


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    why = str(exception) or _("You may not see or do this.")
    return _answer(
        request, 403, "Forbidden", why, _("Ask an administrator of the team or the cluster for a role on it.")
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _answer(
        request, 403, "Forbidden", _("This form is out of date"),
        _("Its page was opened before you signed in, or cookies are off. Load the page again, then send the form."),
    )  # fmt: skip


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(
        request, 404, "NotFound", _("There is no such page"),
        _("It may have been removed, or it belongs to a team whose things you may not see."),
    )  # fmt: skip


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(
        request, 500, "InternalError", _("Plimsoll failed to answer"),
        _("Nothing you sent is lost that was saved before. The log has the reason, under the request number below."),
    )  # fmt: skip


def too_large(*, limit_bytes: int, language: str) -> str:
    """The page for an upload that was refused before Django read it; `language` is an Accept-Language header."""
    chosen = "zh-hans" if language.lower().startswith("zh") else "en"
    with translation.override(chosen):
        context = {
            "status": 413,
            "title_text": _("This is too much to upload"),
            "mend": _("At most %(limit)s MiB can be read at once. A kubeconfig has a few KiB; a policy too.")
            % {"limit": round(limit_bytes / 1_048_576, 1)},
            "theme": "auto",
        }
        return render_to_string("ui/error.html", context)


def _answer(request: HttpRequest, status: int, code: str, title: str, mend: str) -> HttpResponse:
    if request.path.startswith(API):
        return problem_response(Problem(status, code, f"{title}. {mend}"), request=request)
    context: dict[str, Any] = {
        "status": status, "title_text": title, "mend": mend, "request_id": getattr(request, "request_id", ""),
    }  # fmt: skip
    try:
        return render(request, "ui/error.html", context, status=status)
    except Exception:  # noqa: BLE001  the error page must not fail for the reason it is shown
        text = f"{status} {title}\n{mend}\n{context['request_id']}\n"
        return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
