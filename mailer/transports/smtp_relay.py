"""SMTP to a relay of the organization, the channel of last resort.

Source: RFC 4954, 4616 (PLAIN); draft-murchison-sasl-login (LOGIN), the only mechanism of some relays.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path

from mailer import server_url
from mailer.errors import SendError
from mailer.http import deadline_sockets, wire_errors
from mailer.message import Message
from mailer.server_url import BadServerUrl
from mailer.tokens import OnStep
from mailer.transports import MAX_SEND_SECONDS, Login, Receipt, Sender
from mailer.transports.smtp_pool import Endpoint, SmtpPool
from mailer.transports.smtp_session import Client, open_client, refusal, submit

_SHAPE = (
    "write smtp://host:port or smtps://user:password@host, with %40 for @, %23 for #, %2F for / and %25 for % in the "
    "user name and password."
)


@dataclass(frozen=True)
class RelayTransport:
    """Sends by a relay, with or without a login. TLS is required with a login, with a `ca_file` and with `always_tls`;
    otherwise mail is sent in clear, as is usual between servers of one organization."""

    host: str
    port: int
    login: Login | None = None
    implicit_tls: bool = False
    ca_file: str | None = None
    always_tls: bool = False
    timeout: float = MAX_SEND_SECONDS
    _pool: SmtpPool[Client] = field(default_factory=SmtpPool, repr=False, compare=False)

    @classmethod
    def from_url(cls, url: str) -> RelayTransport:
        """Parse `smtp://host:port` or `smtps://user:password@host`; `?ca_file=` names the relay's own CA. Raises
        ValueError, whose message never contains the password."""
        try:
            server = server_url.parse(url, ("smtp", "smtps"))
        except BadServerUrl as error:
            raise ValueError(f"The SMTP URL {error}: {_SHAPE}") from None
        if server.path not in ("", "/") or server.fragment:
            raise ValueError(f"The SMTP URL goes on after the host: {_SHAPE}")
        if set(server.options) - {"ca_file"}:  # not repeated: it may be a part of the password
            raise ValueError(f"The SMTP URL has an option other than ca_file after the ?: {_SHAPE}")
        login = Login(server.username, server.password) if server.username else None
        if server.password and not login:
            raise ValueError(f"The SMTP URL has a password without a user name: {_SHAPE}")
        implicit = server.scheme == "smtps"
        ca_file = server.options.get("ca_file") or None
        if ca_file and not Path(ca_file).is_file():
            raise ValueError(f"The SMTP URL's ca_file {ca_file} does not exist.")
        port = server.port or (465 if implicit else 587 if login else 25)
        return cls(server.host, port, login, implicit, ca_file)

    def send(self, message: Message, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        def connect() -> Client:
            context = deadline_sockets.tls_context(self.ca_file, "smtp")
            return Client(self.host, self.port, context, implicit=self.implicit_tls)

        def log_in(client: Client) -> None:
            if (self.login or self.ca_file or self.always_tls) and not self.implicit_tls:
                client.secure()
            if self.login:
                _log_in(client, self.login)

        with (
            deadline_sockets.deadline(self.timeout),
            wire_errors.redacting(self.login.password if self.login else None),
        ):
            endpoint = Endpoint(f"{self.host}:{self.port}", self.login.username if self.login else "", "")
            return submit(self._pool, endpoint, lambda: open_client(connect, log_in), message, sender.address)


def _log_in(client: Client, login: Login) -> None:
    offered = client.esmtp_features.get("auth", "").upper().split()
    proof = _base64(f"\0{login.username}\0{login.password}")
    password = _base64(login.password)
    with wire_errors.redacting(proof, password):
        if "PLAIN" in offered:
            code, reply = client.docmd("AUTH", f"PLAIN {proof}")
        elif "LOGIN" in offered:
            code, reply = client.docmd("AUTH", "LOGIN")
            for answer in (_base64(login.username), password):
                if code == 334:
                    code, reply = client.docmd(answer)
        else:
            what = f"only AUTH {' '.join(offered)}" if offered else "no AUTH at all"
            raise SendError(
                "smtp_auth_disabled", wire_errors.sanitize(f"The relay offers no AUTH PLAIN or LOGIN, {what}.")
            )
        if code != 235:
            failure = refusal(code, reply, "user_sign_in_needed" if 500 <= code < 600 else None)
            if failure.cause == "token_rejected":
                failure.cause = "user_sign_in_needed"
            raise failure


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
