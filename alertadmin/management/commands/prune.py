from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _

from alertadmin.management.base import CommandResult, JsonCommand
from alertadmin.outbox.queue.clock import DatabaseClock
from alertadmin.reminders import retention


class Command(JsonCommand):
    help = (
        "Forgets the words of mails that were settled long ago, later the mails, scans that found nothing, and old "
        "entries of the audit trail; each after its time (ALERTADMIN_KEEP_WORDS_DAYS, ALERTADMIN_KEEP_DELIVERIES_DAYS, "
        "ALERTADMIN_KEEP_AUDIT_DAYS). The clock does it each day."
    )
    example = "python manage.py prune"

    def work(self, options: dict[str, Any]) -> CommandResult:
        done = retention.prune(DatabaseClock()())
        data = asdict(done)
        line = _(
            "Mails whose words were forgotten: %(words)d; mails deleted: %(deliveries)d; scans deleted: %(scans)d; "
            "entries of the audit trail deleted: %(entries)d; other records deleted: %(records)d."
        )
        return CommandResult(True, data, [line % data])
