"""Transports: Microsoft Graph, EWS, SMTP. Each is a class with a method `send(message, sender)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from mailer.app_identity import Identity
from mailer.message import Message
from mailer.tokens import OnStep, TokenSource

MAX_SEND_SECONDS = 50.0
"""For one message, including its token. The outbox's lease is longer."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and password, for Exchange on premises (EWS) or an SMTP relay. `kind`: "basic" or "ntlm" (EWS
    only)."""

    username: str
    password: str = field(repr=False)
    kind: str = "basic"


@dataclass(frozen=True, slots=True)
class Sender:
    """The sending address, with either an identity in Entra (`app`: an app or a signed-in personal account) or a login.

    `endpoint` replaces the cloud's: the EWS URL of an Exchange server on premises. `ca_file` has its only trusted
    authorities.
    """

    address: str
    app: Identity | None = None
    login: Login | None = None
    endpoint: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The server's answer when it accepted the message. `refused` maps each refused recipient to the reply."""

    message_id: str
    answer: str
    request_ids: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """Sends messages."""

    def send(self, message: Message, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        """Send the message. Raises `mailer.errors.SendError`. Never retries; the outbox does."""


OnDraft = Callable[[str], None]
"""Called with "" before a draft is created, and with its id before it is sent. The callback stores the value durably;
if it raises, nothing is sent."""


@runtime_checkable
class DraftingTransport(Transport, Protocol):
    """A transport that can store a message as a draft, send the draft, and find out later whether it was sent.

    So after a missing answer the message need not be sent again without knowing. Drafts are used only if the caller
    passes `on_draft` and the app has the permission.
    """

    def send(
        self, message: Message, sender: Sender, *, on_step: OnStep | None = None, on_draft: OnDraft | None = None
    ) -> Receipt:
        """As `Transport.send`, with a draft if `on_draft` is given and the app may create one."""

    def find_draft(self, draft: str, message_id: str, sender: Sender) -> str | None:
        """The id of the unsent draft, found by its id `draft` or, if that is empty, by the Message-ID.

        None means for a draft with an id that it was sent; for one without an id that there is none, so that nothing
        was sent. Raises SendError if the lookup fails.
        """

    def send_draft(self, draft: str, message_id: str, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        """Send the draft. Raises SendError, with the outcome "unknown" if the draft does not exist any more."""

    def discard(self, draft: str, message_id: str, sender: Sender) -> None:
        """Delete the draft, if it exists. Raises SendError."""


def create_transport(name: str, tokens: TokenSource) -> Transport:
    """Create a transport by its name: "graph", "ews" or "smtp". exchangelib is imported only for EWS, since it is
    slow."""
    if name == "graph":
        from mailer.transports.graph import GraphTransport

        return GraphTransport(tokens)
    if name == "ews":
        from mailer.transports.ews import EwsTransport

        return EwsTransport(tokens)
    if name == "smtp":
        from mailer.transports.smtp_xoauth2 import SmtpTransport

        return SmtpTransport(tokens)
    raise ValueError(f'There is no transport "{name}".')


def create_relay(url: str) -> Transport:
    """Create a transport for an SMTP relay. Raises ValueError, whose message never contains the URL's password."""
    from mailer.transports.smtp_relay import RelayTransport

    return RelayTransport.from_url(url)
