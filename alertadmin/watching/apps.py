from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.utils.translation import gettext_lazy as _


class WatchingConfig(AppConfig):
    name = "alertadmin.watching"
    verbose_name = _("Watching")

    def ready(self) -> None:
        from alertadmin.outbox import content
        from alertadmin.outbox.models import Purpose
        from alertadmin.watching import broker, setting_checks, wording

        content.register(Purpose.HOUSE, wording.compose)

        def open_broker(**_options: object) -> list[checks.CheckMessage]:
            said = broker.open_to_others(settings.ENVIRONMENT.redis_url)
            return [checks.Warning(said, id="alertadmin.W001")] if said else []

        def settings_set_aside(**_options: object) -> list[checks.CheckMessage]:
            return [checks.Warning(str(bad), id="alertadmin.W002") for bad in setting_checks.bad_settings()]

        checks.register(open_broker)
        checks.register(settings_set_aside)
