"""What a user opened lately, and what they starred."""

from __future__ import annotations

from django.http import HttpRequest

from apps.ui import markup
from apps.ui.acting import user_of
from apps.ui.models import Visited

KEPT = 30


def note(request: HttpRequest, *, label: str, detail: str, icon: str) -> Visited:
    """Keeps that this object page was opened; of those without a star only the newest KEPT stay. Four statements."""
    user = user_of(request)
    defaults = {"label": label[:300], "detail": detail[:300], "icon": icon, "seen_at": markup.now()}
    visit, made = Visited.objects.update_or_create(user=user, url=request.path[:300], defaults=defaults)
    if made:
        old = Visited.objects.filter(user=user, starred=False).order_by("-seen_at").values_list("pk", flat=True)[KEPT:]
        Visited.objects.filter(pk__in=list(old)).delete()
    return visit


def star(visit: Visited, *, on: bool) -> bool:
    Visited.objects.filter(pk=visit.pk).update(starred=on)
    return on
