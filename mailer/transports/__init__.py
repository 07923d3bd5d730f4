"""The ways a message leaves: Microsoft Graph, EWS, SMTP. One class each, one method `send(message, sender)`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from mailer.identity import AppIdentity, OnStep, TokenSource
from mailer.message import Message

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
    """Who sends: an address, and either an app of Entra ID (`app`) or a classic login.

    `endpoint` replaces the cloud's own door: an EWS URL of Exchange on premises. `ca_file` is trusted for it alone.
    """

    address: str
    app: AppIdentity | None = None
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
        """Hands the message over, or raises `mailer.failure.Failure`. Never retries: that is the outbox's business."""


def make(name: str, tokens: TokenSource) -> Transport:
    """ "graph", "ews" or "smtp". exchangelib is slow to import, so only those who send by EWS pay for it."""
    if name == "graph":
        from mailer.transports.graph import GraphTransport

        return GraphTransport(tokens)
    if name == "ews":
        from mailer.transports.ews import EwsTransport

        return EwsTransport(tokens)
    if name == "smtp":
        from mailer.transports.smtp import SmtpTransport

        return SmtpTransport(tokens)
    raise ValueError(f'There is no transport "{name}".')


def make_relay(url: str) -> Transport:
    """The customer's own mail server. Raises ValueError, whose words never show the URL's password."""
    from mailer.transports.relay import RelayTransport

    return RelayTransport.from_url(url)
