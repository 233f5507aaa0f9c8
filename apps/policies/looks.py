"""How policies look on a page: modes, readiness, origins."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.policies.models import Origin
from apps.ui.markup import StateLook

MODE = {
    "DryRun": StateLook(_("Dry run"), "eye", "muted"),
    "Warn": StateLook(_("Warn"), "bell", "warn"),
    "Enforce": StateLook(_("Enforce"), "bolt", "good"),
}
READY = {
    "ready": StateLook(_("Ready"), "circle-check", "good"),
    "not-ready": StateLook(_("Not ready"), "alert-triangle", "warn"),
    "suspended": StateLook(_("Suspended"), "player-pause", "muted"),
}
ORIGIN = {
    Origin.CLUSTER.value: StateLook(Origin.CLUSTER.label, "server-2", "muted"),
    Origin.GIT.value: StateLook(Origin.GIT.label, "git-branch", "muted"),
    Origin.EXTERNAL.value: StateLook(Origin.EXTERNAL.label, "lock", "muted"),
}
CONDITION = {
    "True": StateLook(_("Yes"), "circle-check", "good"),
    "False": StateLook(_("No"), "circle-x", "warn"),
    "Unknown": StateLook(_("Unknown"), "question-mark", "muted"),
}
CONDITION_NAMES = {"Accepted": _("Accepted"), "Enforced": _("Enforced"), "Ready": _("Ready")}
