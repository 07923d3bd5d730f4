"""A message that cannot be written as mail, told as any other failure: nothing was sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mailer import wire
from mailer.failure import Failure
from mailer.message import BadAddress, BadMessage


@contextmanager
def writing() -> Iterator[None]:
    """Raises Failure where the message's own methods raise BadMessage."""
    try:
        yield
    except BadMessage as error:
        cause = "recipient_rejected" if isinstance(error, BadAddress) else "other"
        raise Failure(cause, wire.one_line(str(error))) from None
