"""Every reason the policies app gives, as one word each. `apps.policies.sentences` holds the sentences."""

from __future__ import annotations

# Sleeping
IDLE = "Idle"
OUTSIDE_SCHEDULE = "OutsideSchedule"

# Staying awake, for now
TRAFFIC = "Traffic"
SCHEDULE_OPEN = "ScheduleOpen"
KEEP_AWAKE_UNTIL = "KeepAwakeUntil"
MIN_AWAKE = "MinAwake"
GRACE_PERIOD = "GracePeriod"
DEPENDANT_AWAKE = "DependantAwake"
EXCEPTION = "Exception"
BLAST_RADIUS = "BlastRadius"
ALREADY_AT_ZERO = "AlreadyAtZero"
ALREADY_SUSPENDED = "AlreadySuspended"
RECENT_FAILURE = "RecentFailure"
NOT_APPROVED = "NotApproved"

# Staying awake, for what it did is unknown
NO_ROUTE = "NoRoute"
ROUTE_NOT_OBSERVED = "RouteNotObserved"
METRICS_UNAVAILABLE = "MetricsUnavailable"
METRICS_STALE = "MetricsStale"
METRICS_GAP = "MetricsGap"
NOT_A_NUMBER = "NotANumber"
NO_TARGETS = "NoTargets"
TARGET_DOWN = "TargetDown"
CONTROLLER_RESTARTED = "ControllerRestarted"
COUNTER_RESET = "CounterReset"
SERIES_VANISHED = "SeriesVanished"
NO_SERIES = "NoSeries"
TRAFFIC_LABEL_MISSING = "TrafficLabelMissing"

# Refused
PROTECTED_NAMESPACE = "ProtectedNamespace"
GITOPS_OWNS_REPLICAS = "GitOpsOwnsReplicas"
OWNED_BY_CONTROLLER = "OwnedByController"
RESTORED_OUTSIDE = "RestoredOutside"
POLICY_CONFLICT = "PolicyConflict"
MARK_UNREADABLE = "MarkUnreadable"
OUTRANKED = "Outranked"

# Asleep, and staying so
ASLEEP = "Asleep"
ASLEEP_BY_HAND = "AsleepByHand"
ASLEEP_UNTIL = "AsleepUntil"
WAITS_FOR_DEPENDENCY = "WaitsForDependency"
POLICY_INVALID = "PolicyInvalid"

# Waking
WAKE_REQUESTED = "WakeRequested"
SCHEDULE_OPENED = "ScheduleOpened"
DEMAND = "Demand"
KEPT_AWAKE = "KeptAwake"
POLICY_REMOVED = "PolicyRemoved"
POLICY_SUSPENDED = "PolicySuspended"
MODE_LOWERED = "ModeLowered"
NO_LONGER_MATCHED = "NoLongerMatched"
EXCEPTION_ADDED = "ExceptionAdded"
NEEDED_BY_DEPENDANT = "NeededByDependant"
SLEEP_IS_OVER = "SleepIsOver"
WOKEN_OUTSIDE = "WokenOutside"
WAKE_NOT_NEEDED = "WakeNotNeeded"
UNINSTALLED = "Uninstalled"

KEEPING_COSTS = "KeepingCosts"

# By hand
ASKED_TO_SLEEP = "AskedToSleep"
ASKED_TO_WAKE = "AskedToWake"
POLICY_APPLIED = "PolicyApplied"
POLICY_DELETED = "PolicyDeleted"
NOT_SLEEPABLE = "NotSleepable"
NOT_ASLEEP = "NotAsleep"

# Conditions
ACCEPTED = "Accepted"
INVALID_SPEC = "InvalidSpec"
ENFORCING = "Enforcing"
WARNING_ONLY = "WarningOnly"
RECORDING_ONLY = "RecordingOnly"
SUSPENDED = "Suspended"
READY = "Ready"
NOTHING_MATCHED = "NothingMatched"
SHARES_WORKLOADS = "SharesWorkloads"
