from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from apps.ui.registry import register


class FleetConfig(AppConfig):
    name = "apps.fleet"
    verbose_name = _("Fleet")

    def ready(self) -> None:
        register("sentences", "apps.fleet.sentences.SENTENCES")
