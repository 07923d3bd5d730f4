from __future__ import annotations

from celery.signals import task_postrun, worker_ready
from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.utils.translation import gettext_lazy as _


class MonitoringConfig(AppConfig):
    name = "alertadmin.monitoring"
    label = "watching"  # kept from an earlier name, since its tables have it
    verbose_name = _("Monitoring")

    def ready(self) -> None:
        from alertadmin.monitoring import broker, mail_text, setting_checks, worker_heartbeat
        from alertadmin.outbox.mails import composers
        from alertadmin.outbox.models import Purpose

        composers.register(Purpose.HOUSE, mail_text.compose)

        # weak=False: there is no other reference to these functions.
        worker_ready.connect(worker_heartbeat.start, weak=False, dispatch_uid="heartbeat")
        task_postrun.connect(worker_heartbeat.after_task, weak=False, dispatch_uid="heartbeat after a run")

        def open_broker(**_options: object) -> list[checks.CheckMessage]:
            said = broker.unprotected(settings.ENVIRONMENT.redis_url)
            return [checks.Warning(said, id="alertadmin.W001")] if said else []

        def settings_set_aside(**_options: object) -> list[checks.CheckMessage]:
            """An error for each setting that is not in force, so that `check` fails; else a warning."""
            return [
                checks.Error(str(bad), id="alertadmin.E002")
                if bad.fails_check
                else checks.Warning(str(bad), id="alertadmin.W002")
                for bad in setting_checks.bad_settings()
            ]

        def start_errors(**_options: object) -> list[checks.CheckMessage]:
            return [checks.Error(said, id="alertadmin.E001") for said in setting_checks.start_errors()]

        def remarks(**_options: object) -> list[checks.CheckMessage]:
            return [checks.Warning(said, id="alertadmin.W003") for said in setting_checks.remarks()]

        for check in (open_broker, settings_set_aside, start_errors, remarks):
            checks.register(check)
