"""This process's connections to Microsoft and to mail servers: one token cache, one transport of each kind."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from alertadmin.registry.clouds import server_of
from alertadmin.registry.identity import credential_in_use, identity_of, login_of
from alertadmin.registry.models import Mailbox
from alertadmin.registry.sign_ins import signed_in
from mailer import transports
from mailer.identity import TokenSource
from mailer.transports import Sender, Transport


@lru_cache(maxsize=1)
def tokens() -> TokenSource:
    return TokenSource()


@lru_cache(maxsize=8)
def transport(name: str) -> Transport:
    return transports.make(name, tokens())


@lru_cache(maxsize=1)
def relay() -> Transport | None:
    """The channel of last resort, if the operator gave one."""
    url = settings.ENVIRONMENT.smtp_url
    return transports.make_relay(url) if url else None


def forget_tokens(sender: Sender) -> None:
    """The next send of this app gets a new token."""
    if sender.app is not None:
        for scope in (sender.app.graph_scope, sender.app.smtp_scope):
            tokens().forget(sender.app, scope)


def sender_of(mailbox: Mailbox) -> Sender:
    """Opens the secret in use, the password, or the sign-in. Raises SecretUnavailable, UnknownCloud."""
    if mailbox.app is None:
        server = server_of(mailbox.server)
        return Sender(mailbox.address, login=login_of(mailbox), endpoint=server.ews, ca_file=server.ca_file)
    if mailbox.is_personal:
        return Sender(mailbox.address, signed_in(mailbox))
    return Sender(mailbox.address, identity_of(credential_in_use(mailbox.app), mailbox.tenant))
