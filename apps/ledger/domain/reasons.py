"""Every reason code of the ledger; sentences.py says them in words."""

from __future__ import annotations

# What came of an action.
DONE = "Done"
ALREADY_SO = "AlreadySo"
NOT_AS_WRITTEN = "NotAsWritten"
WORLD_MOVED_ON = "WorldMovedOn"
OBJECT_GONE = "ObjectGone"
CLUSTER_GONE = "ClusterGone"
CLUSTER_READ_ONLY = "ClusterReadOnly"
GUARD_REFUSED = "GuardRefused"
UNREADABLE = "ActionUnreadable"
REFUSED_BY_CLUSTER = "RefusedByCluster"
FAILED_TOO_OFTEN = "FailedTooOften"
START_EXPIRED = "StartExpired"
WAITS_FOR_RETRY = "WaitsForRetry"
SUPERSEDED = "Superseded"
CANCELLED_BY = "CancelledBy"
REJECTED_BY = "RejectedBy"
APPROVAL_EXPIRED = "ApprovalExpired"

# Why an action is decided here.
UNDO_REQUESTED = "UndoRequested"
