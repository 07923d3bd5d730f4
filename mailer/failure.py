"""What every door of this package raises when Microsoft, a mail server or the network says no."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """Whether the message can have been accepted although the call failed."""

    NOT_SENT = "not_sent"
    """Surely not accepted: refused, or failed before the message left."""
    UNKNOWN = "unknown"
    """The bytes left and no answer came back: the message may be in the mailbox."""


@dataclass
class Failure(Exception):
    """One failed call, already diagnosed.

    `cause` is a slug of `mailer.diagnosis`; `technical` is one line for an expert (status, code, server's words;
    never a token, a secret or a whole header block); `retry` says whether the same call can succeed later without
    anybody mending anything; `retry_after` is the server's own wish in seconds.
    """

    cause: str
    technical: str
    outcome: Outcome = Outcome.NOT_SENT
    retry: bool = False
    retry_after: float | None = None
    request_ids: dict[str, str] = field(default_factory=dict)
    """Ids that Microsoft's support asks for: `request-id`, `client-request-id`, `correlation_id`, `trace_id`."""

    def __str__(self) -> str:
        return f"{self.cause}: {self.technical}"
