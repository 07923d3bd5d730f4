from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BulkConfig(AppConfig):
    name = "alertadmin.bulk"
    verbose_name = _("Bulk actions")

    def ready(self) -> None:
        from alertadmin.bulk import jobs
        from alertadmin.reminders import retention

        retention.register(jobs.prune)
