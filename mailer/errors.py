"""What every door of this package raises when Microsoft, a mail server or the network says no."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Answer(StrEnum):
    """What came back for one request, judged by what it proves about the message.

    Sources: RFC 9110, 15 (HTTP statuses), RFC 5321, 4.2 (SMTP replies), Microsoft Graph v1.0, "Microsoft Graph error
    responses and resource types", and what load balancers document of their own 502, 503 and 504
    (`mailer.http.wire_errors.answer_to` names them).
    """

    REFUSED = "refused"
    """A clear no in the protocol's own words (a Graph error, a SOAP fault or response code, an SMTP 5xx, an HTTP 4xx),
    or one found before anything was asked: not accepted."""
    BUSY = "busy"
    """A clear "later" (429, 503 in the protocol's own words or with Retry-After, SMTP 4xx): not accepted."""
    NOT_REACHED = "not_reached"
    """Connection refused, no such name, TLS failed, nothing heard while connecting: nothing left."""
    CUT_BEFORE = "cut_before"
    """The connection ended before the whole request had left: not accepted."""
    NO_ANSWER = "no_answer"
    """Reset or silence after the whole request had left."""
    GATEWAY = "gateway"
    """502, 504, and any 5xx that is not in the protocol's own words: something on the way gave up."""
    FOREIGN = "foreign"
    """Nothing that the protocol documents: a 2xx other than the exact one, a redirect, a proxy's page, an answer that
    is truncated, compressed unasked, too large or garbage."""


DOUBTFUL = frozenset({Answer.NO_ANSWER, Answer.GATEWAY, Answer.FOREIGN})
"""If the request carried the message, it may have been accepted."""


class Acceptance(StrEnum):
    """Whether the message can have been accepted although the call failed."""

    NOT_SENT = "not_sent"
    """Surely not accepted: refused, or failed before the message left."""
    UNKNOWN = "unknown"
    """The bytes left and no clear answer came back: the message may be in the mailbox."""


@dataclass
class SendError(Exception):
    """One failed call, already diagnosed.

    `cause` is a slug of `mailer.diagnosis`; `technical` is one line for an expert (status, code, server's words;
    never a token, a secret or a whole header block); `retry` says whether the same call can succeed later without
    anybody mending anything; `retry_after` is the server's own wish in seconds. `answer` belongs to the request that
    failed, `outcome` to the message: a doubtful answer to a request that carried no message (for a token, a draft)
    leaves it surely not sent.
    """

    cause: str
    technical: str
    outcome: Acceptance = Acceptance.NOT_SENT
    retry: bool = False
    retry_after: float | None = None
    request_ids: dict[str, str] = field(default_factory=dict)
    """Ids that Microsoft's support asks for: `request-id`, `client-request-id`, `correlation_id`, `trace_id`."""
    answer: Answer = Answer.REFUSED

    def __post_init__(self) -> None:
        if self.outcome == Acceptance.UNKNOWN and self.answer not in DOUBTFUL:
            self.answer = Answer.NO_ANSWER

    def __str__(self) -> str:
        return f"{self.cause}: {self.technical}"
