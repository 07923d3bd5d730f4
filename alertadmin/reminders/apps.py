from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RemindersConfig(AppConfig):
    name = "alertadmin.reminders"
    verbose_name = _("Reminders")

    def ready(self) -> None:
        from alertadmin import audit
        from alertadmin.outbox import worker
        from alertadmin.outbox.mails import composers
        from alertadmin.outbox.models import Purpose
        from alertadmin.reminders import recipients
        from alertadmin.reminders.calendar import corrections, revocation
        from alertadmin.reminders.compose import digest
        from alertadmin.reminders.scan import scanner

        composers.register(Purpose.REMINDER, digest.compose, owner=recipients.owner_of_reminder)
        composers.register(Purpose.CALENDAR, corrections.compose, owner=recipients.owner_of_correction)
        audit.recorded.connect(revocation.follow_access)
        worker.register_catch_up(scanner.catch_up)
