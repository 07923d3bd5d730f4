"""Send one notification by one channel; its address is decrypted for the duration of the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings

from alertadmin.crypto import decryption
from alertadmin.crypto.keyring import Unreadable
from alertadmin.outbox import messages
from alertadmin.outbox.channels import transport
from alertadmin.outbox.channels.notification import Notification
from alertadmin.outbox.models import Channel
from alertadmin.registry.credentials.app_identity import SecretUnavailable

if TYPE_CHECKING:
    from mailer.transports import Receipt

TRANSPORT = "channel"


def send(channel: Channel, notice: Notification, on_step: Callable[[str, str], None]) -> Receipt:
    """Raises SendError, SecretUnavailable."""
    try:
        address = decryption.decrypt_audited(channel.address) if channel.address else ""
        signing_key = (
            decryption.decrypt_audited(channel.signing_key) if channel.signing_key and channel.can_be_signed else None
        )
    except Unreadable as error:
        raise SecretUnavailable(error.message) from None
    if not address:
        raise SecretUnavailable(messages.NO_ADDRESS)
    on_step("address", channel.hint)
    return transport.send_notification(
        address, notice, allowed=settings.INSIDE_TARGETS, signing_key=signing_key, kind=channel.service
    )
