from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RemindersConfig(AppConfig):
    name = "alertadmin.reminders"
    verbose_name = _("Reminders")

    def ready(self) -> None:
        from alertadmin.accounts import address_upgrade, audit
        from alertadmin.outbox import content, worker
        from alertadmin.outbox.models import Purpose
        from alertadmin.reminders import digest, ownership, scan
        from alertadmin.reminders.addresses import ADDRESSES
        from alertadmin.reminders.calendar import corrections, revocation

        content.register(Purpose.REMINDER, digest.compose, owner=ownership.owner_of_reminder)
        content.register(Purpose.CALENDAR, corrections.compose, owner=ownership.owner_of_correction)
        audit.recorded.connect(revocation.follow_access)
        worker.look_first(scan.catch_up)
        address_upgrade.watch(*ADDRESSES)
