"""SMTP at Exchange Online and Outlook.com: AUTH XOAUTH2 over STARTTLS.

Source: Microsoft, "Authenticate an IMAP, POP or SMTP connection using OAuth"; RFC 4954.
"""

from __future__ import annotations

import base64

from mailer.errors import SendError
from mailer.http import deadline_sockets, wire_errors
from mailer.message import Message, address_of, converting_message_errors
from mailer.tokens import OnStep, Token, TokenSource
from mailer.transports import MAX_SEND_SECONDS, Receipt, Sender
from mailer.transports.smtp_pool import Endpoint, SmtpPool
from mailer.transports.smtp_session import Client, open_client, refusal, submit

IMPLICIT_TLS = 465
MAX_COMMAND_LENGTH = 500
"""Octets of a command without its line end: a longer token is sent after the server's challenge (RFC 4954, 4)."""


class SmtpTransport:
    """Sends by SMTP. Connections are kept for the next message of the same mailbox with the same token."""

    def __init__(self, tokens: TokenSource, *, timeout: float = MAX_SEND_SECONDS) -> None:
        self.tokens = tokens
        self.timeout = timeout
        self._pool: SmtpPool[Client] = SmtpPool()

    def send(self, message: Message, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        app = sender.app
        if app is None:
            raise SendError("basic_auth_retired", "Exchange Online takes tokens alone: the mailbox needs an app.")
        if not message.leaves_copy:
            raise SendError(
                "other", "A mailbox that sends by SMTP keeps a copy in Sent Items, and this must leave none."
            )
        host, _, port = app.smtp.rpartition(":")
        host = host.strip("[]")  # of an IPv6 address
        implicit = int(port) == IMPLICIT_TLS
        with converting_message_errors():
            address = address_of(sender.address)

        def connect() -> Client:
            return Client(host, int(port), deadline_sockets.tls_context(app.cloud.ca_file, "smtp"), implicit=implicit)

        def attempt(token: Token) -> Receipt:
            def log_in(client: Client) -> None:
                if not implicit:
                    client.secure()
                _xoauth2(client, address, token)

            endpoint = Endpoint(app.smtp, sender.address, token.value)
            return submit(self._pool, endpoint, lambda: open_client(connect, log_in), message, sender.address)

        with deadline_sockets.deadline(self.timeout):
            return self.tokens.with_token(app, app.smtp_scope, app.smtp_permission, on_step, attempt)


def _xoauth2(client: Client, address: str, token: Token) -> None:
    """Authenticate. Raises SendError. The server refuses with 334 and JSON; after an empty line it sends the 535."""
    offered = client.esmtp_features.get("auth", "").upper().split()
    if "XOAUTH2" not in offered:
        what = f"only AUTH {' '.join(offered)}" if offered else "no AUTH at all"
        raise SendError("smtp_auth_disabled", wire_errors.sanitize(f"The server offers no AUTH XOAUTH2, {what}."))
    proof = base64.b64encode(f"user={address}\x01auth=Bearer {token.value}\x01\x01".encode()).decode("ascii")
    if len(proof) + len("AUTH XOAUTH2 ") <= MAX_COMMAND_LENGTH:
        code, reply = client.docmd("AUTH", f"XOAUTH2 {proof}")
    else:
        code, reply = client.docmd("AUTH", "XOAUTH2")
        if code == 334:
            code, reply = client.docmd(proof)
        elif code == 501:  # the server requires an initial response of any length
            code, reply = client.docmd("AUTH", f"XOAUTH2 {proof}")
    if code == 334:
        code, reply = client.docmd("")
    if code != 235:
        raise refusal(code, reply, "token_rejected" if 500 <= code < 600 else None)
