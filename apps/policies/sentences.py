"""The sentence of each reason; operands are named, so that a translation can put them where it wants."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.policies.domain import reasons as r

SENTENCES: dict[str, object] = {
    r.IDLE: _("No traffic for %(window)s: %(source)s counted %(requests)s requests."),
    r.OUTSIDE_SCHEDULE: _("Outside the hours in which it is kept awake (%(timeZone)s)."),
    r.TRAFFIC: _("%(source)s counted %(requests)s requests in the last %(window)s."),
    r.SCHEDULE_OPEN: _("The schedule keeps it awake now (%(timeZone)s)."),
    r.KEEP_AWAKE_UNTIL: _("The policy keeps everything awake until %(until)s."),
    r.MIN_AWAKE: _("It woke recently and stays awake at least until %(until)s."),
    r.GRACE_PERIOD: _("It is idle and will be put to sleep at %(until)s by %(policy)s."),
    r.DEPENDANT_AWAKE: _("%(dependant)s needs it and is awake."),
    r.EXCEPTION: _("Exception %(name)s until %(until)s: %(why)s"),
    r.BLAST_RADIUS: _("Enough was put to sleep at once (%(limit)s); it waits for the next pass."),
    r.ALREADY_AT_ZERO: _("It has no replicas, and Plimsoll did not take them."),
    r.ALREADY_SUSPENDED: _("It is suspended, and Plimsoll did not do that."),
    r.RECENT_FAILURE: _("%(action)s failed a moment ago and will be tried again."),
    r.NOT_APPROVED: _("Its sleep was not approved (%(state)s); it is not asked for again before %(until)s."),
    r.NO_ROUTE: _("No route leads to this %(kind)s, so nobody can tell whether it is used; it stays awake."),
    r.ROUTE_NOT_OBSERVED: _(
        "%(route)s (class %(class)s) is not served by a controller whose metrics are read (%(source)s); it stays awake."
    ),
    r.METRICS_UNAVAILABLE: _("The metrics of %(source)s could not be read: %(error)s; it stays awake."),
    r.METRICS_STALE: _("The metrics of %(source)s are too old; it stays awake."),
    r.METRICS_GAP: _(
        "The metrics of %(target)s (%(job)s) lack %(minutes)s minutes of the window, so silence is not proven; "
        "it stays awake."
    ),
    r.NOT_A_NUMBER: _("%(source)s reports a value that is not a number; it stays awake."),
    r.NO_TARGETS: _("No target of %(source)s was seen in the window, so silence is not proven; it stays awake."),
    r.TARGET_DOWN: _("A scrape of %(target)s (%(job)s) failed in the window; it stays awake."),
    r.CONTROLLER_RESTARTED: _(
        "%(target)s (%(job)s) restarted in the window, and requests before that may be uncounted; it stays awake."
    ),
    r.COUNTER_RESET: _("Counters of %(target)s (%(job)s) began again from zero in the window; it stays awake."),
    r.SERIES_VANISHED: _("A request counter of %(source)s went away in the window; it stays awake."),
    r.NO_SERIES: _("The query of the policy gives no series for it; it stays awake."),
    r.TRAFFIC_LABEL_MISSING: _(
        "The metrics of %(source)s carry no label %(label)s, so ignored requests cannot be told apart; it stays awake."
    ),
    r.PROTECTED_NAMESPACE: _("Nothing is put to sleep in the protected namespace %(namespace)s."),
    r.GITOPS_OWNS_REPLICAS: _("%(tool)s (%(owner)s) owns its replicas. To let Plimsoll set them, paste:\n%(mend)s"),
    r.OWNED_BY_CONTROLLER: _("%(owner)s owns it and would scale it up again; put that to sleep instead."),
    r.RESTORED_OUTSIDE: _(
        "Something else woke it %(times)s times, so it is left alone. Change %(policy)s, or put it to sleep by hand, "
        "to start again."
    ),
    r.POLICY_CONFLICT: _("Policies of equal priority cover it (%(policies)s), so it stays awake."),
    r.MARK_UNREADABLE: _("Its annotation plimsoll.dev/slept cannot be read: %(text)s"),
    r.OUTRANKED: _("%(policy)s counts, with priority %(priority)s."),
    r.ASLEEP: _("Asleep by %(policy)s since %(since)s."),
    r.ASLEEP_BY_HAND: _("Put to sleep by hand; it sleeps until somebody wakes it."),
    r.ASLEEP_UNTIL: _("Put to sleep by hand; it sleeps until %(until)s or until somebody wakes it."),
    r.WAITS_FOR_DEPENDENCY: _("It wakes once %(dependency)s is ready."),
    r.POLICY_INVALID: _("%(policy)s cannot be read at the moment; it stays as it is."),
    r.WAKE_REQUESTED: _("The annotation %(annotation)s asks for it."),
    r.SCHEDULE_OPENED: _("The schedule keeps it awake from now on (%(timeZone)s)."),
    r.DEMAND: _("Somebody asked for it: %(source)s counted %(requests)s requests."),
    r.KEPT_AWAKE: _("The policy keeps everything awake until %(until)s."),
    r.POLICY_REMOVED: _("%(policy)s, which put it to sleep, is gone."),
    r.POLICY_SUSPENDED: _("%(policy)s, which put it to sleep, is suspended."),
    r.MODE_LOWERED: _("%(policy)s does not enforce here any more (%(mode)s)."),
    r.NO_LONGER_MATCHED: _("%(policy)s, which put it to sleep, does not cover it any more."),
    r.EXCEPTION_ADDED: _("Exception %(name)s until %(until)s: %(why)s"),
    r.NEEDED_BY_DEPENDANT: _("%(dependant)s needs it."),
    r.SLEEP_IS_OVER: _("It was put to sleep until %(until)s."),
    r.WOKEN_OUTSIDE: _("Something else woke it (%(replicas)s replicas); the marks of its sleep are taken away."),
    r.WAKE_NOT_NEEDED: _("It is awake; the annotation %(annotation)s is taken away."),
    r.UNINSTALLED: _("Plimsoll is being uninstalled, so everything wakes."),
    r.KEEPING_COSTS: _("Keeping it awake costs %(amount)s %(currency)s an hour."),
    r.ASKED_TO_SLEEP: _("%(actor)s asked for it: %(why)s"),
    r.ASKED_TO_WAKE: _("%(actor)s asked for it: %(why)s"),
    r.POLICY_APPLIED: _("%(actor)s applied %(policy)s."),
    r.POLICY_DELETED: _("%(actor)s deleted %(policy)s."),
    r.NOT_SLEEPABLE: _("%(kind)s cannot be put to sleep: only Deployment, StatefulSet and CronJob can."),
    r.NOT_ASLEEP: _("It is not asleep."),
    r.ACCEPTED: _("The policy is understood."),
    r.INVALID_SPEC: _("The policy cannot be used: %(causes)s"),
    r.ENFORCING: _("It puts idle workloads to sleep."),
    r.WARNING_ONLY: _("Mode Warn: it tells what it would do, and does nothing."),
    r.RECORDING_ONLY: _("Mode DryRun: it records what it would do, and does nothing."),
    r.SUSPENDED: _("The policy is suspended."),
    r.READY: _("It sees everything it needs."),
    r.SHARES_WORKLOADS: _(
        "It sees everything it needs. Other policies cover %(count)s of its workloads too (%(policies)s): the higher "
        "priority counts there, and at a tie they stay awake."
    ),
    r.NOTHING_MATCHED: _("It covers no workload."),
}
