"""What is stored is read back whole, and what cannot be is refused."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.kernel.actions import Scale
from apps.kernel.decisions import Alternative, Decision, Evidence, PolicyRef, Reason, Saving, Verdict
from apps.kernel.errors import InvalidInput
from apps.kernel.ids import uuid7
from apps.kernel.serialise import decode, encode
from apps.kernel.vocab import ObjectRef


def make_decision(**over):
    ref = ObjectRef("c", "apps", "Deployment", "shop", "web", "u1")
    fields = {
        "id": uuid7(),
        "kind": "ScaleToZero",
        "subject": ref,
        "verdict": Verdict.ACT,
        "reason": Reason("Idle", {"window": "2h", "requests": 0}),
        "decided_at": datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        "snapshot_id": uuid7(),
        "policy": PolicyRef("ResourcePolicy", "shop", "dev", "u2", 3),
        "evidence": (Evidence("requests", 0.0, "requests", 0.0, "sum(x)"), Evidence("route", "Ingress/shop/web")),
        "alternatives": (Alternative("KeepAwake", Reason("Idle")),),
        "action": Scale(ref, 0, 3),
        "saving": Saving(Decimal("0.0420")),
    }
    return Decision(**{**fields, **over})


def test_a_decision_survives_being_stored():
    decision = make_decision()
    assert decode(Decision, encode(decision)) == decision


def test_a_decision_without_its_options_survives_too():
    decision = make_decision(action=None, saving=None, policy=None, snapshot_id=None, evidence=(), alternatives=())
    assert decode(Decision, encode(decision)) == decision


def test_a_field_of_a_newer_version_is_refused():
    with pytest.raises(InvalidInput, match="mood"):
        decode(Decision, {**encode(make_decision()), "mood": "good"})
    with pytest.raises(InvalidInput, match="newer"):
        decode(Decision, {**encode(make_decision()), "schema_version": 99})


@pytest.mark.parametrize("fields", [{"value": "text", "unit": "s"}, {"value": 1.0}, {"value": "t", "threshold": 1.0}])
def test_evidence_has_a_unit_exactly_when_it_is_a_number(fields):
    with pytest.raises(ValueError, match="evidence"):
        Evidence("x", **fields)


def test_ids_sort_by_time_and_are_version_7():
    early, late = uuid7(unix_ms=1_000), uuid7(unix_ms=2_000)
    assert early < late
    assert early.version == late.version == 7
    assert early.variant == "specified in RFC 4122"
