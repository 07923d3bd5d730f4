from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.management.answers import readable
from alertadmin.management.job import Job, Refused, Report
from alertadmin.outbox import test_send, worker
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.registry import guid
from alertadmin.registry.clouds import clouds
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
        parser.add_argument("mailbox", metavar="MAILBOX", type=readable, help="The address of a registered mailbox.")
        parser.add_argument("--to", required=True, metavar="ADDRESS", type=readable, help="Who gets the test.")
        parser.add_argument("--transport", choices=Transport.values, default="", help="Instead of the mailbox's own.")
        parser.add_argument(
            "--app", metavar="CLIENT_ID", type=readable, help="The app to send through, where several have the mailbox."
        )

    def work(self, options: dict[str, Any]) -> Report:
        mailbox = _mailbox(options["mailbox"], options["transport"], options["app"])
        try:
            validate_email(options["to"])
        except ValidationError:
            raise Refused(_('"%(address)s" is no e-mail address.') % {"address": options["to"]}) from None
        delivery = worker.deliver_as_written(
            lambda: test_send.create(mailbox, options["to"], transport=options["transport"], now=timezone.now())
        )
        return _report(delivery, mailbox)


def _mailbox(address: str, transport: str, client_id: str | None) -> Mailbox:
    """Of several apps' mailboxes with one address the one that sends by `transport` anyway, else the first."""
    found = Mailbox.objects.filter(address__iexact=address.strip()).select_related("app__tenant", "tenant")
    if client_id is not None:
        try:
            found = found.filter(app__client_id=guid.normal(client_id))
        except ValidationError as error:
            raise Refused(" ".join(error.messages)) from None
    mailboxes = sorted(found.order_by("app__name", "pk"), key=lambda mailbox: mailbox.transport != transport)
    if not mailboxes:
        raise Refused(_("No mailbox %(address)s is registered here. Add it, or import it.") % {"address": address})
    return mailboxes[0]


def _report(delivery: Delivery, mailbox: Mailbox) -> Report:
    attempt = delivery.attempts.last()
    steps = attempt.steps if attempt else []
    data: dict[str, Any] = {
        "delivery": str(delivery.pk),
        "mailbox": mailbox.address,
        "through": mailbox.through,
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
            cloud=clouds().get(mailbox.tenant.cloud),
            directory_id=mailbox.tenant.directory_id,
            client_id=mailbox.app.client_id if mailbox.app else None,
            mailbox=mailbox.address,
            translate=_,
        )
        data["diagnosis"] = diagnosis.as_dict()
        lines += [diagnosis.title, diagnosis.explanation, retold(delivery.reason)]
        lines += [f"  {number}. {step}" for number, step in enumerate(diagnosis.fix, 1)]
    return Report(delivery.state == DeliveryState.SENT, data, lines)
