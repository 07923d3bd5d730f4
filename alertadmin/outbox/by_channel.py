"""Tells one notice by one channel: opens its address for as long as the call takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings

from alertadmin.outbox import sentences
from alertadmin.outbox.channels import telling
from alertadmin.outbox.channels.notice import Notice
from alertadmin.outbox.models import Channel
from alertadmin.registry import opening
from alertadmin.registry.identity import SecretUnavailable
from alertadmin.registry.keyring import Unreadable

if TYPE_CHECKING:
    from mailer.transports import Receipt

TRANSPORT = "channel"


def send(channel: Channel, notice: Notice, on_step: Callable[[str, str], None]) -> Receipt:
    """Raises Failure, SecretUnavailable."""
    try:
        address = opening.opened(channel.address) if channel.address else ""
        signing_key = opening.opened(channel.signing_key) if channel.signing_key and channel.can_be_signed else None
    except Unreadable as error:
        raise SecretUnavailable(str(error)) from None
    if not address:
        raise SecretUnavailable(sentences.NO_ADDRESS)
    on_step("address", channel.hint)
    return telling.tell(address, notice, allowed=settings.INSIDE_TARGETS, signing_key=signing_key, kind=channel.service)
