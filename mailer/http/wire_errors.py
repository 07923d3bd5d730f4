"""Conversion of network errors and HTTP statuses to `SendError`, and sanitized error messages without secrets."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, quote_plus

from mailer import coded_text, diagnosis
from mailer.errors import DOUBTFUL, Acceptance, Answer, SendError
from mailer.http.outbound_proxy import OutboundProxyError
from mailer.secret_shapes import SECRETS

RETRYABLE_CAUSES = frozenset({"network", "proxy", "transient", "throttled", "sending_limit"})
"""Causes after which the same call can succeed later without a correction."""
MAX_RETRY_AFTER = 86_400.0
"""Seconds: a longer Retry-After is reduced to a day."""
NOT_YET = frozenset({408, 421, 425, 429})
"""Statuses that mean that the server did not process the request, which may be repeated (RFC 9110, 6585, 8470)."""
OVERLOADED = frozenset({503, 509})
GAVE_UP = frozenset({502, 504})
CAPTIVE = 511
"""Sent by a network that requires its own sign-in (a captive portal), never by the server (RFC 6585, 6)."""

_HIDDEN: ContextVar[tuple[str, ...]] = ContextVar("hidden", default=())


@contextmanager
def redacting(*secrets: str | None) -> Iterator[None]:
    """Remove these values from the result of `sanitize` inside, since servers and libraries may repeat them."""
    forms = {form for secret in secrets if secret for form in (secret, quote(secret), quote_plus(secret))}
    token = _HIDDEN.set((*_HIDDEN.get(), *sorted(forms, key=len, reverse=True)))
    try:
        yield
    finally:
        _HIDDEN.reset(token)


def sanitize(text: str, most: int = 300) -> str:
    """The text as one line of at most `most` characters, without tokens and secrets."""
    for secret in _HIDDEN.get():
        text = text.replace(secret, "[hidden]")
    text = " ".join("".join(c if c.isprintable() else " " for c in SECRETS.sub("[hidden]", text)).split())
    if text.startswith(coded_text.START):
        text = f" {text}"
    return text if len(text) <= most else text[: most - 1] + "…"


def answer_of(error: BaseException) -> Answer | None:
    """The mark of a connection's exception or of one that it wraps (`http_session.marking_errors`): NOT_REACHED or
    CUT_BEFORE if the request was not sent completely, FOREIGN if the response is malformed."""
    marks = (getattr(one, "proves", None) for one in _wrapped(error))
    return next((mark for mark in marks if isinstance(mark, Answer)), None)


def proxy_error(error: BaseException) -> OutboundProxyError | None:
    """The outbound proxy's error that the exception is or wraps. Nothing reached the server then."""
    return next((one for one in _wrapped(error) if isinstance(one, OutboundProxyError)), None)


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps as its cause, context, `reason` or argument."""
    seen: set[int] = set()
    pending: list[Any] = [error]
    while pending:
        one = pending.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            yield one
            seen.add(id(one))
            pending += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


def to_send_error(error: BaseException, *, sent: bool, roles: tuple[str, ...] | None = None) -> SendError:
    """Convert an exception to a SendError; `sent`: it was raised after the message's transmission began."""
    if (of_proxy := proxy_error(error)) is not None:
        return SendError("proxy", sanitize(str(of_proxy)), retry=True, answer=Answer.NOT_REACHED)
    cause = diagnosis.from_exception(error, roles=roles)
    response = getattr(error, "response", None)
    wait = None if response is None else retry_after(response.headers.get("Retry-After"))
    if response is not None and response.status_code >= 400:  # the status is enough for a refusal
        answer = classify_status(response.status_code, own_words=False, wait=wait)
    else:
        answer = answer_of(error) or Answer.NO_ANSWER
    return SendError(
        cause,
        sanitize(f"{type(error).__name__}: {error}"),
        Acceptance.UNKNOWN if sent and answer in DOUBTFUL else Acceptance.NOT_SENT,
        retry=cause in RETRYABLE_CAUSES or (sent and answer in DOUBTFUL),
        retry_after=wait,
        answer=answer,
    )


def classify_status(status: int, *, own_words: bool, wait: float | None) -> Answer:
    """What an unsuccessful HTTP status proves. `own_words`: the body is an error in the protocol's own format;
    `wait`: the Retry-After in seconds.

    After a gateway's 502 or 504 the message may have been accepted (Graph sent four mails after four 504:
    learn.microsoft.com/answers 2286986), and also after a bare 503: Azure Front Door sends one when the backend took
    too long ("Troubleshoot Azure Front Door common issues"), Envoy when the backend's connection broke after it had
    forwarded the request.
    """
    if status in NOT_YET:
        return Answer.BUSY
    if 400 <= status < 500 or status == CAPTIVE:
        return Answer.REFUSED
    if status in OVERLOADED and (own_words or wait is not None):
        return Answer.BUSY
    if 500 <= status < 600:
        return Answer.REFUSED if own_words and status not in GAVE_UP else Answer.GATEWAY
    return Answer.FOREIGN


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """The seconds of a Retry-After header in either form, at most a day; None if missing or invalid."""
    if not value:
        return None
    if re.fullmatch(r"\s*[0-9]+(\.[0-9]*)?\s*", value):
        return min(float(value), MAX_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(value)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        seconds = (at - (now or datetime.now(UTC))).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), MAX_RETRY_AFTER)


def _silence(*loggers: str) -> None:
    """Disable loggers that write tokens, passwords or whole messages (headers at DEBUG, invalid token answers at
    ERROR)."""
    for name in loggers:
        logging.getLogger(name).addFilter(lambda record: False)


_silence(
    "exchangelib.util",
    "exchangelib.util.xml",
    "msal.oauth2cli.oauth2",
    "msal.token_cache",
    "requests_oauthlib.oauth2_session",
    "spnego._ntlm",
)
