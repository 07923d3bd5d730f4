"""Connections to Microsoft and to mail servers, shared by the process: one token cache, one transport of each kind."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

from django.conf import settings
from django.utils import translation

from alertadmin.accounts.email_address import error_in
from alertadmin.outbox import messages
from alertadmin.registry.clouds import UnknownName, server_of
from alertadmin.registry.credentials.app_identity import credential_in_use, identity_of, login_of
from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import TransportName
from alertadmin.registry.personal.refresh_tokens import signed_in_account
from mailer import transports
from mailer.email_address import Flaw, InvalidAddress
from mailer.message import BadAddress, address_of
from mailer.pasted_address import parse_pasted
from mailer.tokens import TokenSource
from mailer.transports import Sender, Transport


@lru_cache(maxsize=1)
def tokens() -> TokenSource:
    return TokenSource()


class UnknownTransport(UnknownName):
    def __init__(self, name: str) -> None:
        super().__init__(messages.UNKNOWN_TRANSPORT % {"transport": name})


@lru_cache(maxsize=8)
def transport(name: str) -> Transport:
    """Raises UnknownTransport."""
    if name not in TransportName:
        raise UnknownTransport(name)
    return transports.create_transport(name, tokens())


def relay() -> Transport | None:
    """The operator's SMTP relay; None if ALERTADMIN_SMTP_URL is not set or not valid (see relay_error)."""
    try:
        return open_relay(settings.ENVIRONMENT.smtp_url)
    except ValueError:
        return None


def relay_error() -> str:
    """Why ALERTADMIN_SMTP_URL cannot be used, as an English sentence without the password; empty if it can."""
    try:
        open_relay(settings.ENVIRONMENT.smtp_url)
    except ValueError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1)
def open_relay(url: str) -> Transport | None:
    """Return the relay for `url`; cached, since it keeps connections. Raises ValueError if the URL is not valid."""
    return transports.create_relay(url) if url else None


def relay_from() -> str:
    """ALERTADMIN_SMTP_FROM, the sender of mails by the relay. Empty if it is not set or not valid
    (relay_from_error)."""
    return _relay_from()[0]


def relay_from_error() -> str:
    """Why ALERTADMIN_SMTP_FROM cannot be used, as an English sentence; empty if it can."""
    return _relay_from()[1]


def _relay_from() -> tuple[str, str]:
    """The address and the error, one of them empty."""
    text = settings.ENVIRONMENT.get("SMTP_FROM")
    try:
        return parse_pasted(text).stored if text else "", ""
    except InvalidAddress as error:
        if error.flaw == Flaw.DOMAIN:  # a host without a domain, which an internal relay may accept
            with suppress(BadAddress):
                return address_of(text), ""
    with translation.override("en"):
        return "", error_in(text)


def forget_tokens(sender: Sender) -> None:
    """Discard the cached tokens of this app: its next send requests a new one."""
    if sender.app is not None:
        for scope in (sender.app.graph_scope, sender.app.smtp_scope):
            tokens().forget(sender.app, scope)


def build_sender(mailbox: Mailbox) -> Sender:
    """Decrypt the current secret, password or refresh token. Raises SecretUnavailable, UnknownCloud."""
    if mailbox.app is None:
        server = server_of(mailbox.server)
        return Sender(mailbox.address, login=login_of(mailbox), endpoint=server.ews, ca_file=server.ca_file)
    if mailbox.is_personal:
        return Sender(mailbox.address, signed_in_account(mailbox))
    return Sender(mailbox.address, identity_of(credential_in_use(mailbox.app), mailbox.tenant))
