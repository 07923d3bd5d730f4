"""Mail by an apprise address (`mailtos://user:password@host/recipient`): a mailbox at another provider, which works
when Microsoft 365 does not. apprise parses the address; the mail is sent like all others: over verified TLS, with the
same Message-ID and date each time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from alertadmin.outbox import messages
from alertadmin.outbox.channels.http_session import TIMEOUT
from alertadmin.outbox.channels.notification import Notification
from mailer.email_address import ascii_host
from mailer.errors import SendError
from mailer.http import deadline_sockets
from mailer.http.ssrf_guard import EgressAllowlist, InternalAddress
from mailer.message import BadMessage, Message
from mailer.transports import Login, Receipt, Sender
from mailer.transports.smtp_relay import RelayTransport


@dataclass(frozen=True, slots=True)
class MailServer:
    """A parsed address. `encrypted` is "starttls", "ssl" (implicit TLS) or "insecure"."""

    host: str
    port: int
    encrypted: str
    username: str | None
    password: str | None = field(repr=False)
    sender: str
    recipients: tuple[str, ...]

    def transport(self, seconds: float) -> RelayTransport:
        login = Login(self.username, self.password) if self.username and self.password else None
        return RelayTransport(
            self.host,
            self.port,
            login,
            implicit_tls=self.encrypted == "ssl",
            always_tls=self.encrypted == "starttls",
            timeout=seconds,
        )


def send(server: MailServer, notice: Notification, *, allowed: EgressAllowlist, seconds: float = TIMEOUT) -> Receipt:
    """Raises SendError."""
    domain = ascii_host(server.sender.rpartition("@")[2])
    message = Message(
        subject=notice.subject,
        text=notice.text,
        to=server.recipients,
        message_id=f"<{notice.id}@{domain}>",
        date=notice.at,
        headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
    )
    try:
        with deadline_sockets.address_check(allowed.check):
            return server.transport(seconds).send(message, Sender(server.sender))
    except InternalAddress:
        raise SendError("network", messages.INTERNAL_ADDRESS) from None
    except BadMessage:
        raise SendError("other", messages.NO_ADDRESS) from None
