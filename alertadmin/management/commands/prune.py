from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _

from alertadmin.management.base import CommandResult, JsonCommand
from alertadmin.outbox.queue.clock import DatabaseClock
from alertadmin.reminders import retention


class Command(JsonCommand):
    help = (
        "Deletes the texts of finished mails, later the mails, scans without results, and entries of the audit trail, "
        "each after its retention period (ALERTADMIN_KEEP_WORDS_DAYS, ALERTADMIN_KEEP_DELIVERIES_DAYS, "
        "ALERTADMIN_KEEP_AUDIT_DAYS). The worker's scheduler does the same each day."
    )
    example = "python manage.py prune"

    def work(self, options: dict[str, Any]) -> CommandResult:
        done = retention.prune(DatabaseClock()())
        data = asdict(done)
        line = _(
            "Mail texts deleted: %(words)d; mails deleted: %(deliveries)d; scans deleted: %(scans)d; audit "
            "entries deleted: %(entries)d; other records deleted: %(records)d."
        )
        return CommandResult(True, data, [line % data])
