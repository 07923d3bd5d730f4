"""A message that cannot be written as mail, told as any other failure: nothing was sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mailer.errors import SendError
from mailer.http import wire_errors
from mailer.message import BadAddress, BadMessage


@contextmanager
def writing() -> Iterator[None]:
    """Raises SendError where the message's own methods raise BadGraphMessage."""
    try:
        yield
    except BadMessage as error:
        cause = "recipient_rejected" if isinstance(error, BadAddress) else "other"
        raise SendError(cause, wire_errors.sanitize(str(error))) from None
