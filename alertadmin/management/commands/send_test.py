from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.accounts.email_address import clean_stored, error_in
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand
from alertadmin.management.output import readable
from alertadmin.outbox import worker
from alertadmin.outbox.models import Channel, Delivery, DeliveryState
from alertadmin.outbox.send_test import test_send
from alertadmin.registry import guid
from alertadmin.registry.clouds import clouds
from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import TransportName
from alertadmin.stored_messages import render_stored
from mailer.diagnosis import explain
from mailer.pasted_address import canonical_pasted


class Command(JsonCommand):
    help = (
        "Sends a test from a registered mailbox, or to a channel, through the outbox, and prints the steps, the "
        "outcome and the diagnosis."
    )
    example = "python manage.py send_test alarms@example.com --to me@example.com --transport graph"

    def add_arguments(self, parser: CommandParser) -> None:
        self.usage = parser
        parser.add_argument(
            "mailbox", metavar="MAILBOX", nargs="?", type=readable, help="The address of a registered mailbox."
        )
        parser.add_argument("--to", metavar="ADDRESS", type=readable, help="The recipient.")
        parser.add_argument(
            "--channel", metavar="NAME_OR_ID", type=readable, help="The channel, without MAILBOX and --to."
        )
        parser.add_argument(
            "--transport", choices=TransportName.values, default="", help="Instead of the mailbox's own."
        )
        parser.add_argument(
            "--app", metavar="CLIENT_ID", type=readable, help="The app to send through, where several have the mailbox."
        )

    def work(self, options: dict[str, Any]) -> CommandResult:
        if options["channel"] is not None:
            if options["mailbox"] or options["to"]:
                self.usage.error("--channel cannot be combined with MAILBOX and --to")
            return _to_channel(options["channel"])
        if missing := [name for name, value in (("MAILBOX", options["mailbox"]), ("--to", options["to"])) if not value]:
            self.usage.error(f"the following arguments are required: {', '.join(missing)} (or --channel)")
        mailbox = _mailbox(options["mailbox"], options["transport"], options["app"])
        try:
            recipient = clean_stored(options["to"])
        except ValidationError as error:
            words = {"text": options["to"], "reason": " ".join(error.messages)}
            raise CommandRefused(_("“%(text)s”: %(reason)s") % words) from None
        delivery = worker.deliver_immediately(
            lambda: test_send.create(mailbox, recipient, transport=options["transport"], now=timezone.now())
        )
        return _report(delivery, mailbox)


def _to_channel(name: str) -> CommandResult:
    channel = _channel(name)
    delivery = worker.deliver_immediately(lambda: test_send.create_for_channel(channel, now=timezone.now()))
    attempt = delivery.attempts.last()
    steps = attempt.steps if attempt else []
    data: dict[str, Any] = {
        "delivery": str(delivery.pk),
        "channel": channel.name,
        "kind": channel.label,
        "outcome": delivery.state,
        "steps": steps,
        "cause": delivery.cause or None,
        "technical": delivery.reason,
    }
    lines = [_step(step) for step in steps]
    lines.append(f"{channel.name} ({channel.label}): {delivery.get_state_display()}")
    if delivery.reason:
        lines.append(render_stored(delivery.reason))
    return CommandResult(delivery.state == DeliveryState.SENT, data, lines)


def _channel(name: str) -> Channel:
    """Return the channel with this name (case-insensitive) or id. Raises CommandRefused."""
    wanted = name.strip().casefold()
    # Compared here, because databases differ in which letters are equal.
    every = Channel.objects.select_related("tenant", "app__tenant")
    channels = [channel for channel in every if wanted in (channel.name.casefold(), str(channel.pk), channel.pk.hex)]
    if not channels:
        raise CommandRefused(_("No channel %(name)s exists here.") % {"name": name})
    if len(channels) > 1:
        ids = ", ".join(str(channel.pk) for channel in channels)
        raise CommandRefused(
            _("Several channels are called %(name)s. Give the id of one: %(ids)s") % {"name": name, "ids": ids}
        )
    return channels[0]


def _step(step: dict[str, Any]) -> str:
    return f"{step['step']:<10} {step['ms']:>6} ms  {render_stored(step['detail'])}"


def _mailbox(address: str, transport: str, client_id: str | None) -> Mailbox:
    """Return the mailbox with this address; of several apps' ones, the first that uses `transport`, else the first.
    Raises CommandRefused."""
    found = Mailbox.objects.filter(address_canonical=canonical_pasted(address)).select_related("app__tenant", "tenant")
    if client_id is not None:
        try:
            found = found.filter(app__client_id=guid.normalize(client_id))
        except ValidationError as error:
            raise CommandRefused(" ".join(error.messages)) from None
    mailboxes = sorted(found.order_by("app__name", "pk"), key=lambda mailbox: mailbox.transport != transport)
    if not mailboxes and (reason := error_in(address)):
        raise CommandRefused(_("“%(text)s”: %(reason)s") % {"text": address, "reason": reason})
    if not mailboxes:
        raise CommandRefused(
            _("No mailbox %(address)s is registered here. Add it, or import it.") % {"address": address}
        )
    return mailboxes[0]


def _report(delivery: Delivery, mailbox: Mailbox) -> CommandResult:
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
    lines = [_step(step) for step in steps]
    lines.append(f"{mailbox.address} -> {delivery.recipient}: {delivery.get_state_display()}")
    if delivery.state != DeliveryState.SENT and delivery.cause:
        diagnosis = explain(
            delivery.cause,
            cloud=clouds().get(mailbox.tenant.cloud),
            directory_id=mailbox.tenant.directory_id,
            client_id=mailbox.app.client_id if mailbox.app else None,
            mailbox=mailbox.address,
            technical=delivery.reason,
            translate=_,
        )
        data["diagnosis"] = diagnosis.as_dict()
        lines += [diagnosis.title, diagnosis.explanation, render_stored(delivery.reason)]
        lines += [f"  {number}. {step}" for number, step in enumerate(diagnosis.fix, 1)]
    return CommandResult(delivery.state == DeliveryState.SENT, data, lines)
