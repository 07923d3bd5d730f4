from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand
from alertadmin.monitoring import health_report, heartbeat_ping, system_mails
from alertadmin.monitoring.health_checks import Part
from alertadmin.monitoring.health_messages import describe
from alertadmin.monitoring.models import Heartbeat
from alertadmin.outbox import messages, worker
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.outbox.queue.backlog import estimate
from alertadmin.outbox.queue.clock import ClockIsWrong, check
from alertadmin.reminders import run_once
from alertadmin.stored_messages import render_stored
from mailer.coded_text import message_of
from mailer.diagnosis import explain

LISTED = 50
"""Deliveries of each state that are listed; the numbers include all."""


class Command(JsonCommand):
    help = "Scans for due reminders, sends all due deliveries, then deletes orphaned drafts. For cron, without Celery."
    example = "python manage.py send_reminders --json"

    def work(self, options: dict[str, Any]) -> CommandResult:
        try:
            check(timezone.now())
        except ClockIsWrong as error:
            raise CommandRefused(message_of(error)) from error
        system_mails.write(timezone.now())
        done = run_once.run_once()
        if done.held_for_review and system_mails.write(timezone.now()):
            worker.deliver_due()
        with transaction.atomic():
            audit.record(
                AuditAction.REMINDERS_SENT,
                counts={"reminders": done.scan.reminders, "deliveries": done.scan.deliveries},
            )
        now = health_report.now_by_database()
        Heartbeat.beat(Heartbeat.Source.COMMAND, now)
        health = health_report.refresh(now, Heartbeat.Source.COMMAND)
        states: Counter[str] = Counter()
        for_later = 0
        reported: list[Delivery] = []
        for delivery in done.deliveries():
            states[delivery.state] += 1
            for_later += _waits_for_its_hour(delivery, now)
            if states[delivery.state] <= LISTED:
                reported.append(delivery)
        data: dict[str, Any] = {
            "scanned": done.scanned,
            "reminders": done.scan.reminders,
            "deliveries": done.scan.deliveries,
            "sent": states[DeliveryState.SENT],
            "waiting": states[DeliveryState.PENDING] + states[DeliveryState.SENDING],
            # Of the waiting ones: scheduled for later by a digest or quiet hours, which is no error.
            "for_later": for_later,
            "uncertain": states[DeliveryState.UNCERTAIN],
            "failed": states[DeliveryState.FAILED],
            "cancelled": states[DeliveryState.CANCELLED],
            # Of the waiting ones: the database was restored from a backup, and they may have been sent before.
            "held_for_review": done.held_for_review,
            "swept": done.reclaimed,
            "owed_to_nobody": done.without_recipients,
            "drained_at": _drained_at(timezone.now()),
            # Whether the monitoring service accepted the heartbeat; null without one, or if a part fails.
            "ping": heartbeat_ping.send(now, health=health),
        }
        problems = describe(health.problems)
        data["problems"] = [{"part": one.part, "text": one.text} for one in problems]
        left = data["waiting"] - for_later + data["uncertain"] + data["failed"] + data["owed_to_nobody"]
        ok = not left and not any(one.part is Part.DELIVERIES for one in problems)
        lines = [*_lines(data, reported), *(f"{one.name}: {one.text}" for one in problems)]
        return CommandResult(ok, {**data, "details": [_detail(delivery) for delivery in reported]}, lines)


def _waits_for_its_hour(delivery: Delivery, now: datetime) -> bool:
    """Return whether the delivery had no error and waits only for a time that its recipient chose."""
    is_untouched = delivery.state == DeliveryState.PENDING and not delivery.tries and not delivery.cause
    is_for_later = delivery.not_before > now and delivery.review_until is None
    return is_untouched and is_for_later and delivery.reason not in (messages.MAILBOX_BUSY, messages.CHANNEL_BUSY)


def _drained_at(now: datetime) -> str | None:
    """Estimate when the last waiting mail will have been sent; None if none waits, or no route sends."""
    left = estimate(now)
    return left.ends_at.isoformat() if left and left.ends_at else None


def _detail(delivery: Delivery) -> dict[str, Any]:
    """Return one delivery for --json. `cause` is a slug of `diagnose`, `title` its text."""
    comes_again = delivery.settled_at is None and delivery.state != DeliveryState.SENDING
    return {
        "recipient": delivery.recipient,
        "state": delivery.state,
        "subject": delivery.subject,
        "message_id": delivery.message_id,
        "cause": delivery.cause or None,
        "title": _title(delivery),
        "reason": delivery.reason,
        "was_uncertain": delivery.was_uncertain,
        "next_try": delivery.not_before.isoformat() if comes_again else None,
    }


def _title(delivery: Delivery) -> str | None:
    return explain(delivery.cause, translate=_).title if delivery.cause else None


def _lines(data: dict[str, Any], reported: list[Delivery]) -> list[str]:
    lines = [
        _(
            "Reminders due: %(reminders)d, deliveries created: %(deliveries)d; sent: %(sent)d, waiting: "
            "%(waiting)d, uncertain: %(uncertain)d, failed: %(failed)d."
        )
        % data
    ]
    if held := data["held_for_review"]:
        lines.append(
            ngettext(
                "The database was restored from a backup: %(count)d mail may already have been sent and is "
                "withheld for at most a day. Decide at %(url)s",
                "The database was restored from a backup: %(count)d mails may already have been sent and are "
                "withheld for at most a day. Decide at %(url)s",
                held,
            )
            % {"count": held, "url": settings.PUBLIC_URL + reverse("review")}
        )
    for delivery in reported:
        if delivery.state != DeliveryState.SENT:
            why = " ".join(filter(None, (_title(delivery), render_stored(delivery.reason))))
            lines.append(f"{delivery.recipient}: {delivery.get_state_display()}. {why}")
    if data["ping"] is False:
        lines.append(_("The ping to ALERTADMIN_PING_URL was not received."))
    if count := data["owed_to_nobody"]:
        lines.append(
            ngettext(
                "%d secret expires soon and has no recipient: give its tenant a contact.",
                "%d secrets expire soon and have no recipient: give their tenants a contact.",
                count,
            )
            % count
        )
    return lines
