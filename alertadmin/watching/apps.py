from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WatchingConfig(AppConfig):
    name = "alertadmin.watching"
    verbose_name = _("Watching")

    def ready(self) -> None:
        from alertadmin.outbox import content
        from alertadmin.outbox.models import Purpose
        from alertadmin.watching import wording

        content.register(Purpose.HOUSE, wording.compose)
