"""How verdicts, decisions, actions and approvals look on a page, and what evidence is called there."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy, pgettext_lazy

from apps.kernel.decisions import Verdict
from apps.ledger.models import ActionState, ApprovalState, DecisionState, RecordKind
from apps.ui.markup import StateLook, Tone

VERDICT = {
    Verdict.ACT.value: StateLook(_("Act"), "bolt", "info"),
    Verdict.HOLD.value: StateLook(_("Hold"), "hourglass", "muted"),
    Verdict.REFUSE.value: StateLook(_("Refuse"), "ban", "warn"),
}
_TONES: dict[str, tuple[str, Tone]] = {
    "Recorded": ("file-code", "muted"),
    "WaitingApproval": ("checklist", "warn"),
    "Due": ("clock", "info"),
    "Running": ("loader-2", "info"),
    "Done": ("circle-check", "good"),
    "Failed": ("circle-x", "bad"),
    "Refused": ("ban", "warn"),
    "Rejected": ("x", "bad"),
    "Expired": ("hourglass", "muted"),
    "Cancelled": ("circle-dashed", "muted"),
}
DECISION = {state.value: StateLook(state.label, *_TONES[state.value]) for state in DecisionState}
ACTION = {state.value: StateLook(state.label, *_TONES[state.value]) for state in ActionState}
APPROVAL = {
    ApprovalState.PENDING.value: StateLook(ApprovalState.PENDING.label, "hourglass", "warn"),
    ApprovalState.APPROVED.value: StateLook(ApprovalState.APPROVED.label, "circle-check", "good"),
    ApprovalState.REJECTED.value: StateLook(ApprovalState.REJECTED.label, "circle-x", "bad"),
    ApprovalState.EXPIRED.value: StateLook(ApprovalState.EXPIRED.label, "clock", "muted"),
    ApprovalState.CANCELLED.value: StateLook(ApprovalState.CANCELLED.label, "circle-dashed", "muted"),
}
_RECORD_ICONS = {
    "Snapshot": "camera", "Decision": "gavel", "Approval": "checklist", "Action": "bolt", "Outcome": "circle-check",
    "Login": "user", "Grant": "users", "Token": "key", "Setting": "settings",
}  # fmt: skip
RECORD = {kind.value: StateLook(kind.label, _RECORD_ICONS[kind.value], "muted") for kind in RecordKind}

ACTIONS = {
    "Sleep": StateLook(_("Sleep"), "zzz", "sleep"),
    "Wake": StateLook(_("Wake"), "sunrise", "good"),
    "Forget": StateLook(_("Take the marks off"), "tag", "muted"),
    "Scale": StateLook(_("Scale"), "adjustments", "info"),
    "Apply": StateLook(_("Apply"), "upload", "info"),
    "Delete": StateLook(_("Delete"), "trash", "bad"),
}
"""What an action does, by its kind; also what a refused alternative is called when it is one of these."""

ALTERNATIVES: dict[str, Any] = {
    **{kind: look.label for kind, look in ACTIONS.items()},
    "KeepAwake": _("Keep it awake"),
}
EVENTS: dict[str, Any] = {
    "LoggedIn": _("Signed in"),
    "LoggedOut": _("Signed out"),
    "LoginFailed": _("Sign-in failed"),
    "TokenIssued": _("Token issued"),
    "TokenRevoked": _("Token revoked"),
    "Issued": _("Issued"),
    "Revoked": _("Revoked"),
    "Granted": _("Granted"),
    "Asked": _("Asked"),
    "Approved": _("Approved"),
    "Rejected": _("Rejected"),
    "Expired": _("Expired"),
    "Withdrawn": _("Withdrawn"),
    "Proposed": pgettext_lazy("event", "Proposed"),
    "Started": _("Started"),
    "Done": _("Done"),
    "Failed": _("Failed"),
    "Refused": _("Refused"),
    "Cancelled": _("Cancelled"),
    "UserCreated": _("User made"),
    "TeamCreated": _("Team made"),
    "ClusterAdded": _("Cluster connected"),
    "ClusterReconnected": _("Credentials changed"),
    "ClusterRemoved": _("Cluster removed"),
    "Archived": _("Archived"),
}
"""What a record tells, by its event."""
EVIDENCE: dict[str, Any] = {
    "requests": _("Requests in the window"),
    "window": _("Length of the window"),
    "targets": _("Scraped targets that prove silence"),
    "replicas": _("Replicas"),
    "schedule": _("Schedule"),
    "age": _("Age"),
}
UNITS: dict[str, Any] = {"requests/s": _("requests/s"), "s": _("s")}
COUNTED: dict[str, Any] = {
    "requests": ngettext_lazy("%(n)s request", "%(n)s requests", "n"),
    "targets": ngettext_lazy("%(n)s target", "%(n)s targets", "n"),
    "replicas": ngettext_lazy("%(n)s replica", "%(n)s replicas", "n"),
    "pods": ngettext_lazy("%(n)s pod", "%(n)s pods", "n"),
}
"""Units of things that are counted: one target, two targets."""
