"""A calendar attachment arrives unchanged by every transport, with its content type, beside both texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from mailer.message import Attachment, Message
from mailer.tokens import TokenSource
from mailer.transports import Sender, Transport
from mailer.transports.ews import EwsTransport
from mailer.transports.graph import GraphTransport
from mailer.transports.smtp_relay import RelayTransport
from mailer.transports.smtp_xoauth2 import SmtpTransport
from sandbox import Sandbox
from sandbox.server.inbox_page import attachments
from tests.mailer.conftest import Arrived, Customer

CALENDAR = Attachment(
    "échéance.ics",
    "text/calendar",
    "BEGIN:VCALENDAR\r\nSUMMARY:Échéance 🔑\r\nEND:VCALENDAR\r\n".encode(),
    (("charset", "utf-8"), ("method", "PUBLISH")),
)

WAYS: dict[str, Callable[[TokenSource, Sandbox], Transport]] = {
    "Graph, MIME": lambda tokens, _sandbox: GraphTransport(tokens),
    "Graph, JSON": lambda tokens, _sandbox: GraphTransport(tokens, body="json"),
    "EWS": lambda tokens, _sandbox: EwsTransport(tokens),
    "SMTP": lambda tokens, _sandbox: SmtpTransport(tokens),
    "relay": lambda _tokens, sandbox: RelayTransport(sandbox.relay_host, sandbox.relay_port),
}


@pytest.fixture
def with_calendar(message: Message) -> Message:
    return replace(message, html="<p>Arrêt</p>", attachments=(CALENDAR,))


@pytest.mark.parametrize("way", WAYS)
def test_calendar_arrives_unchanged_with_type_and_parameters(
    tokens: TokenSource, sandbox: Sandbox, customer: Customer, with_calendar: Message, arrived: Arrived, way: str
) -> None:
    sender = Sender(customer.mailbox.address) if way == "relay" else customer.sender
    WAYS[way](tokens, sandbox).send(with_calendar, sender)
    (taken,) = arrived(with_calendar)
    mime = message_from_bytes(taken["mime"].encode(), EmailMessage, policy=policy.default)
    (part,) = mime.iter_attachments()
    header = part["Content-Type"]
    assert (header.content_type, header.params["charset"], header.params["method"]) == (
        "text/calendar",
        "utf-8",
        "PUBLISH",
    )
    assert part.get_payload(decode=True) == CALENDAR.content
    assert (part.get_content_disposition(), part.get_filename()) == ("attachment", "échéance.ics")
    if way != "Graph, JSON":  # which has one body alone
        assert [one.get_content_type() for one in mime.walk()][:4] == [
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "text/html",
        ]


def test_sandbox_shows_attachments(
    tokens: TokenSource, customer: Customer, with_calendar: Message, arrived: Arrived
) -> None:
    GraphTransport(tokens).send(with_calendar, customer.sender)
    (taken,) = arrived(with_calendar)
    ((name, kind, content),) = attachments(taken["mime"])
    assert (name, content) == ("échéance.ics", CALENDAR.content)
    assert kind.startswith("text/calendar")
