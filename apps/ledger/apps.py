from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LedgerConfig(AppConfig):
    name = "apps.ledger"
    verbose_name = _("Ledger")

    def ready(self) -> None:
        from apps.ledger import writepoints
        from apps.ui.registry import register

        register("sentences", "apps.ledger.sentences.SENTENCES")
        register("nav", "apps.ledger.pages.NAV")
        register("panels", "apps.ledger.pages.PANELS")
        register("search", "apps.ledger.pages.SEARCH")
        register("timeline", "apps.ledger.pages.TIMELINE")
        register("live", "apps.ledger.pages.LIVE")
        writepoints.install()
