"""What Plimsoll concludes, and why. A refusal is a Decision too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from apps.kernel.actions import Action
from apps.kernel.vocab import ObjectRef


class Verdict(StrEnum):
    """ACT: the action should happen. HOLD: nothing to do now, and the reason says what is waited for.
    REFUSE: it was wanted and must not happen."""

    ACT = "Act"
    HOLD = "Hold"
    REFUSE = "Refuse"


Operand = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Reason:
    """A PascalCase code and every operand of the sentence that explains it; translated on reading."""

    code: str
    operands: Mapping[str, Operand] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was compared. `value` is a number with a `unit`, held against `threshold`; where there is no
    number, `value` is the text found and `unit` and `threshold` are None. `source` is the query or field path."""

    name: str
    value: float | str
    unit: str | None = None
    threshold: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.value, str) and (self.unit is not None or self.threshold is not None):
            raise ValueError(f"evidence {self.name}: text carries neither unit nor threshold")
        if not isinstance(self.value, str) and self.unit is None:
            raise ValueError(f"evidence {self.name}: a number needs a unit")


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something else that could have been done, and why it was not."""

    name: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """The policy revision a Decision was made under; `generation` is the CR's metadata.generation."""

    kind: str
    namespace: str
    name: str
    uid: str = ""
    generation: int = 0

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Saving:
    """Money per hour while the action holds. The estimate is what the pods' requests cost at their nodes' prices."""

    amount_per_hour: Decimal
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Decision:
    """`kind` is the rule that decided (`ScaleToZero`, `Manual`). `disruption_pods` counts pods the action ends.

    `policy` is None for a manual action; `snapshot_id` None when a person decided without one.
    """

    schema_version: ClassVar[int] = 1

    id: UUID
    kind: str
    subject: ObjectRef
    verdict: Verdict
    reason: Reason
    decided_at: datetime
    snapshot_id: UUID | None = None
    policy: PolicyRef | None = None
    evidence: tuple[Evidence, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    action: Action | None = None
    saving: Saving | None = None
    disruption_pods: int = 0
