"""The ledger's reasons and sensitivity rules in words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.ledger.domain import reasons, sensitivity

SENTENCES: dict[str, object] = {
    reasons.DONE: _("%(action)s of %(object)s is done."),
    reasons.ALREADY_SO: _("%(object)s was so already: nothing had to be written."),
    reasons.NOT_AS_WRITTEN: _("It was written, but somebody changed it at once: %(steps)s."),
    reasons.WORLD_MOVED_ON: _("The world moved on: %(field)s of %(object)s is %(found)s, wanted %(wanted)s."),
    reasons.OBJECT_GONE: _("%(object)s is not there any more."),
    reasons.CLUSTER_GONE: _("The cluster %(cluster)s was removed."),
    reasons.CLUSTER_READ_ONLY: _("The cluster %(cluster)s is connected read-only."),
    reasons.GUARD_REFUSED: _("It must not happen any more: %(error)s"),
    reasons.UNREADABLE: _("The stored action cannot be read: %(error)s"),
    reasons.REFUSED_BY_CLUSTER: _("The cluster refused: %(error)s"),
    reasons.FAILED_TOO_OFTEN: _("It broke %(attempts)s times and is not tried again: %(error)s"),
    reasons.START_EXPIRED: _("It could not start before %(before)s and must not start later."),
    reasons.WAITS_FOR_RETRY: _("Try %(attempts)s failed and it will be tried again: %(error)s"),
    reasons.SUPERSEDED: _("%(action)s by %(actor)s took its place before it started."),
    reasons.CANCELLED_BY: _("%(actor)s cancelled it: %(reason)s"),
    reasons.REJECTED_BY: _("%(actor)s rejected it: %(reason)s"),
    reasons.APPROVAL_EXPIRED: _("%(needed)s approvals were needed and did not come in time."),
    reasons.UNDO_REQUESTED: _("%(actor)s asked to undo %(action)s: %(reason)s"),
    sensitivity.PRODUCTION_NAMESPACE: _("A manual action in the production namespace %(namespace)s."),
    sensitivity.PRODUCTION_CLUSTER: _("A manual action on all of a production cluster."),
    sensitivity.BULK_MANUAL_ACTION: _("A manual action on %(count)s workloads at once; more than %(limit)s wait."),
    sensitivity.DELETES: _("It deletes an object."),
    sensitivity.POLICY_ASKS: _("Its policy asks for %(approvers)s approvals."),
}
