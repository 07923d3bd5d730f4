"""The error that this package raises when Microsoft, a mail server or the network fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from mailer.coded_text import english


class Answer(StrEnum):
    """The answer to one request, classified by what it proves about the message.

    Sources: RFC 9110, 15 (HTTP statuses), RFC 5321, 4.2 (SMTP replies), Microsoft Graph v1.0, "Microsoft Graph error
    responses and resource types", and the documents of load balancers about their own 502, 503 and 504 (named in
    `mailer.http.wire_errors.classify_status`).
    """

    REFUSED = "refused"
    """A refusal in the protocol's own format (a Graph error, a SOAP fault or response code, an SMTP 5xx, an HTTP 4xx),
    or an error before any request was made: not accepted."""
    BUSY = "busy"
    """A request to try later (429, 503 in the protocol's own format or with Retry-After, SMTP 4xx): not accepted."""
    NOT_REACHED = "not_reached"
    """Connection refused, unknown name, TLS failure, timeout while connecting: nothing was sent."""
    CUT_BEFORE = "cut_before"
    """The connection ended before the whole request was sent: not accepted."""
    NO_ANSWER = "no_answer"
    """Reset or timeout after the whole request was sent."""
    GATEWAY = "gateway"
    """502, 504, and any 5xx that is not in the protocol's own format: an intermediary gave up."""
    FOREIGN = "foreign"
    """A response that the protocol does not document: another 2xx, a redirect, a proxy's page, or a response that is
    truncated, compressed without request, too large or malformed."""


DOUBTFUL = frozenset({Answer.NO_ANSWER, Answer.GATEWAY, Answer.FOREIGN})
"""Answers after which a request with the message may have been accepted."""


class Acceptance(StrEnum):
    """Whether the message can have been accepted although the call failed."""

    NOT_SENT = "not_sent"
    """Certainly not accepted: refused, or failed before the message was sent."""
    UNKNOWN = "unknown"
    """The message was sent and no clear answer came: it may be in the mailbox."""


@dataclass
class SendError(Exception):
    """One failed call with its diagnosis.

    `cause` is a slug of `mailer.diagnosis`; `technical` is one line for an expert (status, code, the server's text;
    never a token, a secret or a whole header block); `retry` says whether the same call can succeed later without a
    correction; `retry_after` is the server's value in seconds. `answer` is about the failed request, `outcome` about
    the message: after a doubtful answer to a request without the message (for a token, a draft) it is not sent.
    """

    cause: str
    technical: str
    outcome: Acceptance = Acceptance.NOT_SENT
    retry: bool = False
    retry_after: float | None = None
    request_ids: dict[str, str] = field(default_factory=dict)
    """Ids for Microsoft's support: `request-id`, `client-request-id`, `correlation_id`, `trace_id`."""
    answer: Answer = Answer.REFUSED

    def __post_init__(self) -> None:
        if self.outcome == Acceptance.UNKNOWN and self.answer not in DOUBTFUL:
            self.answer = Answer.NO_ANSWER

    def __str__(self) -> str:
        return f"{self.cause}: {english(self.technical)}"
