from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PoliciesConfig(AppConfig):
    name = "apps.policies"
    verbose_name = _("Policies")

    def ready(self) -> None:
        from apps.ui.registry import register

        register("sentences", "apps.policies.sentences.SENTENCES")
        register("titles", "apps.policies.titles.TITLES")
        register("nav", "apps.policies.pages.NAV")
        register("panels", "apps.policies.pages.PANELS")
        register("row_actions", "apps.policies.pages.ROW_ACTIONS")
        register("search", "apps.policies.pages.SEARCH")
        register("live", "apps.policies.pages.LIVE")
