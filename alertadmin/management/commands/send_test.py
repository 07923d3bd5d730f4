from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.management.job import Job, Refused, Report
from alertadmin.outbox import test_send, worker
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import Transport
from alertadmin.retelling import retold
from mailer.diagnosis import explain


class Command(Job):
    help = (
        "Sends a test mail from a registered mailbox through the outbox; prints the steps, the outcome, the diagnosis."
    )
    example = "python manage.py send_test alarms@example.com --to me@example.com --transport graph"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mailbox", metavar="MAILBOX", help="The address of a registered mailbox.")
        parser.add_argument("--to", required=True, metavar="ADDRESS", help="Who gets the test.")
        parser.add_argument("--transport", choices=Transport.values, default="", help="Instead of the mailbox's own.")

    def work(self, options: dict[str, Any]) -> Report:
        mailbox = _mailbox(options["mailbox"])
        try:
            validate_email(options["to"])
        except ValidationError:
            raise Refused(_('"%(address)s" is no e-mail address.') % {"address": options["to"]}) from None
        delivery = worker.deliver_as_written(
            lambda: test_send.create(mailbox, options["to"], transport=options["transport"], now=timezone.now())
        )
        return _report(delivery, mailbox)


def _mailbox(address: str) -> Mailbox:
    found = list(Mailbox.objects.filter(address__iexact=address.strip()).select_related("app__tenant", "tenant")[:1])
    if not found:
        raise Refused(_("No mailbox %(address)s is registered here. Add it, or import it.") % {"address": address})
    return found[0]


def _report(delivery: Delivery, mailbox: Mailbox) -> Report:
    attempt = delivery.attempts.last()
    steps = attempt.steps if attempt else []
    data: dict[str, Any] = {
        "delivery": str(delivery.pk),
        "mailbox": mailbox.address,
        "to": delivery.recipient,
        "transport": delivery.transport or mailbox.transport,
        "outcome": delivery.state,
        "message_id": delivery.message_id,
        "steps": steps,
        "cause": delivery.cause or None,
        "technical": delivery.reason,
        "request_ids": attempt.request_ids if attempt else {},
        "diagnosis": None,
    }
    lines = [f"{step['step']:<10} {step['ms']:>6} ms  {retold(step['detail'])}" for step in steps]
    lines.append(f"{mailbox.address} -> {delivery.recipient}: {delivery.get_state_display()}")
    if delivery.state != DeliveryState.SENT and delivery.cause:
        diagnosis = explain(
            delivery.cause,
            cloud=mailbox.tenant.mail_cloud,
            directory_id=mailbox.tenant.directory_id,
            client_id=mailbox.app.client_id if mailbox.app else None,
            mailbox=mailbox.address,
            translate=_,
        )
        data["diagnosis"] = diagnosis.as_dict()
        lines += [diagnosis.title, diagnosis.explanation, retold(delivery.reason)]
        lines += [f"  {number}. {step}" for number, step in enumerate(diagnosis.fix, 1)]
    return Report(delivery.state == DeliveryState.SENT, data, lines)
