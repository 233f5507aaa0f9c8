from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FleetConfig(AppConfig):
    name = "apps.fleet"
    verbose_name = _("Fleet")

    def ready(self) -> None:
        from apps.ui.registry import register

        register("sentences", "apps.fleet.sentences.SENTENCES")
        register("nav", "apps.fleet.pages.NAV")
        register("panels", "apps.fleet.pages.PANELS")
        register("search", "apps.fleet.pages.SEARCH")
        register("live", "apps.fleet.pages.LIVE")
