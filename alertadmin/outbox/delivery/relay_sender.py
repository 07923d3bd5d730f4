"""The sender of mails by the operator's relay, without ALERTADMIN_SMTP_FROM and without a mailbox of the installation.

Relays refuse senders whose domain does not exist (Postfix: reject_unknown_sender_domain) or that their user may not use
(reject_sender_login_mismatch), such as root@localhost.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings

from alertadmin.outbox.delivery import connections
from alertadmin.registry.installation_mailbox import installation_mailbox
from mailer.message import BadAddress, address_of
from mailer.transports.smtp_relay import RelayTransport

UNKNOWN = "alertadmin@localhost.localdomain"
"""Used if no other address is known; relays of the same machine may take it."""
NOT_PUBLIC = frozenset(
    {"arpa", "corp", "home", "internal", "invalid", "lan", "local", "localdomain", "localhost", "onion", "test"}
)
"""Last labels of names that no mail server outside knows (RFC 2606, 6761, 6762; ICANN's `.internal`), or by custom."""


def default() -> str:
    """The relay's user name if it is an address, else one in the domain of the public URL or of this machine; empty if
    none is usable."""
    relay = connections.relay()
    login = relay.login.username if isinstance(relay, RelayTransport) and relay.login else ""
    domains = [urlsplit(settings.PUBLIC_URL).hostname or "", _own_domain()]
    candidates = [login, *(f"alertadmin@{domain}" for domain in domains if is_mail_domain(domain))]
    return next((address for address in candidates if _is_address(address)), "")


def is_unknown() -> bool:
    """Whether mails by the relay have a sender that it probably refuses."""
    if connections.relay() is None or connections.relay_from() or default():
        return False
    return installation_mailbox() is None


def is_mail_domain(name: str) -> bool:
    """Whether a mail server outside can know the domain."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", name)) and name.rpartition(".")[2] not in NOT_PUBLIC
    return False


def _is_address(text: str) -> bool:
    try:
        address_of(text)
    except BadAddress:
        return False
    return "@" in text and is_mail_domain(text.rpartition("@")[2].lower())


@lru_cache(maxsize=1)
def _own_domain() -> str:
    """The domain of this machine's fully qualified name; empty if it has none. It may ask a name server."""
    return socket.getfqdn().lower().rstrip(".").partition(".")[2]
