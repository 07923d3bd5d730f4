"""The ways a message leaves: Microsoft Graph, EWS, SMTP. One class each, one method `send(message, sender)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from mailer.app_identity import Identity
from mailer.message import Message
from mailer.tokens import OnStep, TokenSource

LONGEST = 50.0
"""Seconds that one send may take in all, its token included. The outbox's lease is longer."""


@dataclass(frozen=True, slots=True)
class Login:
    """A classic login, for Exchange on premises (EWS) or an SMTP relay. `kind` is "basic" or "ntlm" (EWS alone)."""

    username: str
    password: str = field(repr=False)
    kind: str = "basic"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: an address, and either an app of Entra ID (`app`, by itself or with a person who signed in to it)
    or a classic login.

    `endpoint` replaces the cloud's own door: an EWS URL of Exchange on premises. `ca_file` is trusted for it alone.
    """

    address: str
    app: Identity | None = None
    login: Login | None = None
    endpoint: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the server said when it took the message. `refused` maps each recipient turned away to the reply."""

    message_id: str
    answer: str
    request_ids: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Transport(Protocol):
    def send(self, message: Message, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        """Hands the message over, or raises `mailer.errors.SendError`. Never retries: that is the outbox's business."""


OnDraft = Callable[[str], None]
"""Told "" before a draft is made, and its id before it is sent. Whoever is told keeps it where no crash takes it away,
or raises, and then nothing is sent."""


@runtime_checkable
class Drafting(Transport, Protocol):
    """A transport that can lay a message down as a draft, keep its id, send it, and tell later what became of it.

    So a message of which no answer came need not be sent again on suspicion. It does so only for those who give
    `on_draft`, and where the app may.
    """

    def send(
        self, message: Message, sender: Sender, *, on_step: OnStep | None = None, on_draft: OnDraft | None = None
    ) -> Receipt:
        """As every transport's."""

    def find_draft(self, draft: str, message_id: str, sender: Sender) -> str | None:
        """The id of the draft that still waits to be sent, found by `draft`, or by the Message-ID if that is empty.

        None: of a draft with an id, that it was sent; of one without, that there is none, so that nothing was sent.
        Raises SendError if it cannot be found out.
        """

    def send_draft(self, draft: str, message_id: str, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        """Sends the one that was laid down. Raises SendError, of outcome "unknown" if it is not there any more."""

    def discard(self, draft: str, message_id: str, sender: Sender) -> None:
        """Takes a draft away that is not to be sent; well if there is none. Raises SendError."""


def make(name: str, tokens: TokenSource) -> Transport:
    """ "graph", "ews" or "smtp". exchangelib is slow to import, so only those who send by EWS pay for it."""
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


def make_relay(url: str) -> Transport:
    """The customer's own mail server. Raises ValueError, whose words never show the URL's password."""
    from mailer.transports.smtp_relay import RelayTransport

    return RelayTransport.from_url(url)
