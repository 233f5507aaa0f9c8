"""The words of the islands, for `json_script`: keys as frontend/src asks for them."""

from __future__ import annotations

from django.utils.translation import gettext as _


def strings() -> dict[str, str]:
    return {
        "just_now": _("just now"),
        "d_ago": _("%(n)s d ago"),
        "h_ago": _("%(n)s h ago"),
        "min_ago": _("%(n)s min ago"),
        "s_ago": _("%(n)s s ago"),
        "in_d": _("in %(n)s d"),
        "in_h": _("in %(n)s h"),
        "in_min": _("in %(n)s min"),
        "in_s": _("in %(n)s s"),
        "n_selected": _("%(n)s selected"),
        "all_selected": _("All %(n)s that match are selected"),
        "copied": _("Copied"),
        "copy_failed": _("The browser did not allow copying. Select the text and copy it."),
        "too_large": _("This file has %(size)s MiB; at most %(limit)s MiB can be read. A kubeconfig has a few KiB."),
        "no_doc": _("No description"),
    }
