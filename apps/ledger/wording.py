"""A stored decision as a page shows it: evidence with units and thresholds, alternatives, the action's change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from apps.kernel.decisions import Verdict
from apps.ledger import looks
from apps.ledger.models import ActionRow, DecisionRow
from apps.ui import markup
from apps.ui.sentences import sentence


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """`fill` and `limit` place value and threshold on a bar of width 100; None where there is nothing to compare."""

    name: str
    value: str
    threshold: str
    over: bool | None
    source: str
    fill: float | None
    limit: float | None


def evidence_lines(row: DecisionRow) -> list[EvidenceLine]:
    return [_line(one) for one in row.evidence]


def _line(one: Mapping[str, Any]) -> EvidenceLine:
    name = str(looks.EVIDENCE.get(str(one.get("name")), one.get("name", "")))
    value, unit, threshold = one.get("value"), one.get("unit"), one.get("threshold")
    if isinstance(value, str) or value is None or unit is None:
        return EvidenceLine(
            name, "" if value is None else str(value), "", None, str(one.get("source") or ""), None, None
        )
    shown = amount(float(value), unit)
    if threshold is None:
        return EvidenceLine(name, shown, "", None, str(one.get("source") or ""), None, None)
    top = max(float(value), float(threshold), 1e-9) * 1.25
    return EvidenceLine(
        name, shown, amount(float(threshold), unit), float(value) > float(threshold), str(one.get("source") or ""),
        round(100 * float(value) / top, 1), round(100 * float(threshold) / top, 1),
    )  # fmt: skip


def amount(value: float, unit: str) -> str:
    """A value with its unit in words; seconds as a length of time."""
    if unit == "s" and value >= 60:
        return markup.span(timedelta(seconds=value))
    if unit in looks.COUNTED and value.is_integer():
        return str(looks.COUNTED[unit] % {"n": int(value)})
    return markup.number(value, unit=str(looks.UNITS.get(unit, unit)))


def alternatives(row: DecisionRow) -> list[tuple[str, str, str]]:
    """(what else, its reason's sentence, the reason's code) of each."""
    found = []
    for one in row.alternatives:
        reason: Mapping[str, Any] = one.get("reason") or {}
        code = str(reason.get("code", ""))
        name = str(one.get("name", ""))
        found.append((str(looks.ALTERNATIVES.get(name, name)), _line_of(code, reason), code))
    return found


def _line_of(code: str, reason: Mapping[str, Any]) -> str:
    return sentence(code, reason.get("operands") or {}).partition("\n")[0]


def change(action: ActionRow) -> list[tuple[str, str, str]]:
    """(field, before, after) of what the action does to its object, for the kinds whose data says so."""
    data = action.action
    mark = data.get("mark") or {}
    replicas = str(mark.get("replicas", ""))
    rows: list[tuple[str, str, str]] = []
    if action.kind in ("Sleep", "Wake"):
        asleep = (
            ("spec.suspend", "false", "true") if action.target_kind == "CronJob" else ("spec.replicas", replicas, "0")
        )
        rows.append(asleep if action.kind == "Sleep" else (asleep[0], asleep[2], asleep[1]))
        if mark.get("scaled_object"):
            was = str(mark.get("paused_replicas") or _("absent"))
            field = f"ScaledObject/{mark['scaled_object']} autoscaling.keda.sh/paused-replicas"
            rows.append((field, was, "0") if action.kind == "Sleep" else (field, "0", was))
        absent, present = _("absent"), _("present")
        pair = (absent, present) if action.kind == "Sleep" else (present, absent)
        rows.append(("plimsoll.dev/slept", *pair))
    elif action.kind == "Scale":
        rows.append(("spec.replicas", str(data.get("was", "")), str(data.get("replicas", ""))))
    return rows


def earlier(row: DecisionRow) -> DecisionRow | None:
    """The decision that led to the state a decision without evidence only states: who put it to sleep, and why."""
    if row.evidence or row.verdict != Verdict.HOLD:
        return None
    found: DecisionRow | None = (
        DecisionRow.objects.filter(
            cluster_name=row.cluster_name, namespace=row.namespace, subject_kind=row.subject_kind,
            subject_name=row.subject_name, verdict=Verdict.ACT, decided_at__lte=row.decided_at,
        )
        .exclude(action=None)
        .select_related("cluster", "team", "action__approval")
        .order_by("-decided_at", "-id")
        .first()
    )  # fmt: skip
    return found


def outcome_of(action: ActionRow) -> tuple[str, str]:
    """(sentence, code) of what came of it; empty while nothing has."""
    reason = (action.outcome or {}).get("reason") or {}
    code = str(reason.get("code", ""))
    return (sentence(code, reason.get("operands") or {}), code) if code else ("", "")
