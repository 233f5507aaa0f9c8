"""The record and what is due.

`Record` is the truth: append-only, hash-chained, guarded by triggers in the database. `DecisionRow`, `ActionRow`,
`ApprovalRequest` and `Vote` are the same facts in a shape that can be listed and moved on; `DueWork` and `Lease` say
who does what next.
"""

from apps.ledger.models.action import OPEN_ACTION_STATES as OPEN_ACTION_STATES
from apps.ledger.models.action import ActionRow as ActionRow
from apps.ledger.models.action import ActionState as ActionState
from apps.ledger.models.approval import ApprovalRequest as ApprovalRequest
from apps.ledger.models.approval import ApprovalState as ApprovalState
from apps.ledger.models.approval import Vote as Vote
from apps.ledger.models.chain import ChainHead as ChainHead
from apps.ledger.models.chain import Record as Record
from apps.ledger.models.chain import RecordKind as RecordKind
from apps.ledger.models.chain import Segment as Segment
from apps.ledger.models.decision import DecisionRow as DecisionRow
from apps.ledger.models.decision import DecisionState as DecisionState
from apps.ledger.models.work import DueWork as DueWork
from apps.ledger.models.work import Lease as Lease
