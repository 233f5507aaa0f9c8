"""The sentences of this app's reasons."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.fleet import reasons

SENTENCES = {
    reasons.WATCHING: _("Every source is watched and fresh."),
    reasons.READING_SOURCES: _("Still reading %(sources)s; nothing is decided before all is read. %(error)s"),
    reasons.SOURCES_OLD: _(
        "%(sources)s have not proved themselves for %(seconds)s s; nothing is decided until they do. %(error)s"
    ),
    reasons.SERVER_UNREACHABLE: _("The API server does not answer: %(error)s. %(mend)s"),
    reasons.CONNECTION_REFUSED: _("The connection cannot be used: %(error)s. %(mend)s"),
    reasons.CERTIFICATE_NOT_TRUSTED: _("The API server's certificate is not trusted: %(error)s. %(mend)s"),
    reasons.CREDENTIALS_REFUSED: _("The API server refuses the credentials: %(error)s. %(mend)s"),
    reasons.RIGHTS_MISSING: _("The account may not read %(sources)s: %(error)s. %(mend)s"),
    reasons.NO_WATCHER: _("No watcher looks after this cluster now; what is shown is what the last one saw."),
}
