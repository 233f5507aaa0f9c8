from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class UiConfig(AppConfig):
    name = "apps.ui"
    verbose_name = _("Portal")

    def ready(self) -> None:
        from apps.ui.registry import register

        register("sentences", "apps.ui.sentences.SENTENCES")
        register("nav", "apps.ui.pages.NAV")
        register("search", "apps.ui.pages.SEARCH")
