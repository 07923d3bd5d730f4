"""Conversion of invalid messages to SendError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mailer.errors import SendError
from mailer.http import wire_errors
from mailer.message import BadAddress, BadMessage


@contextmanager
def converting_message_errors() -> Iterator[None]:
    """Convert BadMessage raised inside to SendError: nothing was sent."""
    try:
        yield
    except BadMessage as error:
        cause = "recipient_rejected" if isinstance(error, BadAddress) else "other"
        raise SendError(cause, wire_errors.sanitize(str(error))) from None
