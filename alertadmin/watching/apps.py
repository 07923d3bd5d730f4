from __future__ import annotations

from celery.signals import task_postrun, worker_ready
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
        from alertadmin.watching import broker, heartbeat, setting_checks, wording

        content.register(Purpose.HOUSE, wording.compose)

        # weak=False: nothing else holds these functions.
        worker_ready.connect(heartbeat.start, weak=False, dispatch_uid="heartbeat")
        task_postrun.connect(heartbeat.after_task, weak=False, dispatch_uid="heartbeat after a run")

        def open_broker(**_options: object) -> list[checks.CheckMessage]:
            said = broker.open_to_others(settings.ENVIRONMENT.redis_url)
            return [checks.Warning(said, id="alertadmin.W001")] if said else []

        def settings_set_aside(**_options: object) -> list[checks.CheckMessage]:
            return [checks.Warning(str(bad), id="alertadmin.W002") for bad in setting_checks.bad_settings()]

        checks.register(open_broker)
        checks.register(settings_set_aside)
