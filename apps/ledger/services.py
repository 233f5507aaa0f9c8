"""What the ledger does, in one place for those above: every function is keyword-only and raises kernel.errors.

record, record_decisions     put facts on the chain
propose, cancel, undo        make an action wait, go, or stop
approval_rule, vote          whether people must agree, and their answers
run_due, carry_out           what a worker does
verify_chain, export         for those who check
due, LEASES                  what is asked for, and who leads
"""

from __future__ import annotations

from apps.ledger import due as due
from apps.ledger.actions import Terms as Terms
from apps.ledger.actions import approval_rule as approval_rule
from apps.ledger.actions import cancel as cancel
from apps.ledger.actions import decode_action as decode_action
from apps.ledger.actions import propose as propose
from apps.ledger.actions import undo as undo
from apps.ledger.approvals import vote as vote
from apps.ledger.archive import archive as archive
from apps.ledger.carrying import Outcome as Outcome
from apps.ledger.carrying import carry_out as carry_out
from apps.ledger.decisions import forget as _forget
from apps.ledger.decisions import record_decisions as record_decisions
from apps.ledger.decisions import why as why
from apps.ledger.domain.sensitivity import ApprovalRule as ApprovalRule
from apps.ledger.export import export as export
from apps.ledger.holders import this_process as this_process
from apps.ledger.leases import DatabaseLeases, Leases
from apps.ledger.moves import ClaimLost as ClaimLost
from apps.ledger.records import About as About
from apps.ledger.records import ChainReport as ChainReport
from apps.ledger.records import record as record
from apps.ledger.records import verify_chain as verify_chain
from apps.ledger.working import run_due as run_due

LEASES: Leases = DatabaseLeases(on_new_lead=_forget)
"""Who leads what. `LEASES.acquire(...)` before acting, `LEASES.check(...)` inside the transaction that writes."""
