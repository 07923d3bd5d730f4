"""Fixtures for SMTP at Exchange Online: the transport, and sending by a scripted server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mailer.errors import SendError
from mailer.message import Message
from mailer.tokens import TokenSource
from mailer.transports.smtp_xoauth2 import SmtpTransport
from tests.mailer.conftest import sender_of
from tests.mailer.https_server import HttpsServer
from tests.mailer.smtp_server import Script, SmtpServer

Make = Callable[[Script], SmtpServer]


@pytest.fixture
def smtp_transport(tokens: TokenSource) -> SmtpTransport:
    return SmtpTransport(tokens, timeout=20)


@pytest.fixture
def send(smtp_transport: SmtpTransport, other: HttpsServer, message: Message) -> Callable[..., Any]:
    """Send by a scripted server; returns the receipt or the error."""

    def sent(server: SmtpServer, what: Message | None = None, by: SmtpTransport | None = None) -> Any:
        try:
            return (by or smtp_transport).send(what or message, sender_of(other.cloud(smtp=server.address)))
        except SendError as failure:
            return failure

    return sent
