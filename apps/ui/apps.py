from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class UiConfig(AppConfig):
    name = "apps.ui"
    verbose_name = _("Portal")

    def ready(self) -> None:
        from django.conf import settings

        from apps.ui.links import parse
        from apps.ui.registry import register

        parse(settings.PLIMSOLL_LINKS)  # refuses nonsense at start, not on a page

        register("sentences", "apps.ui.sentences.SENTENCES")
        register("nav", "apps.ui.pages.NAV")
        register("search", "apps.ui.pages.SEARCH")
