from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.management.job import Job, Report
from alertadmin.outbox import claims, worker
from alertadmin.outbox.models import DeliveryState
from alertadmin.reminders import scan as scanning


class Command(Job):
    help = "Scans for what is owed, delivers all that is due now, then sweeps. For cron, beside or instead of Celery."
    example = "python manage.py send_reminders --json"

    def work(self, options: dict[str, Any]) -> Report:
        scan = scanning.run(timezone.now())
        outcomes = worker.deliver_due()
        swept = claims.sweep(timezone.now())
        nobody = scanning.owed_to_nobody(timezone.now()).count()
        data = {
            "reminders": scan.reminders,
            "deliveries": scan.deliveries,
            "sent": outcomes[DeliveryState.SENT],
            "waiting": outcomes[DeliveryState.PENDING],
            "uncertain": outcomes[DeliveryState.UNCERTAIN],
            "failed": outcomes[DeliveryState.FAILED],
            "cancelled": outcomes[DeliveryState.CANCELLED],
            "swept": swept,
            "owed_to_nobody": nobody,
        }
        lines = [
            _(
                "Reminders owed: %(reminders)d, deliveries written: %(deliveries)d; "
                "sent: %(sent)d, waiting: %(waiting)d, uncertain: %(uncertain)d, failed: %(failed)d."
            )
            % data
        ]
        if nobody:
            lines.append(
                ngettext(
                    "%d secret ends soon and nobody is there to be told: give its tenant a contact.",
                    "%d secrets end soon and nobody is there to be told: give their tenants a contact.",
                    nobody,
                )
                % nobody
            )
        bad = data["waiting"] + data["uncertain"] + data["failed"] + nobody
        return Report(not bad, data, lines)
