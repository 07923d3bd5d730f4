"""What an error of the network says of a message, and what may be told of it: one line, without secrets."""

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

from mailer import diagnosis
from mailer.errors import DOUBTFUL, Acceptance, Answer, SendError
from mailer.secret_shapes import SECRETS

LATER = frozenset({"network", "transient", "throttled", "sending_limit"})
"""Causes after which the same call can succeed without anybody mending anything."""
LONGEST_WAIT = 86_400.0
"""Seconds: no server silences a mailbox for longer than a day."""
NOT_YET = frozenset({408, 421, 425, 429})
"""Statuses by which a server says that it did not begin, and may be asked again (RFC 9110, 6585, 8470)."""
OVERLOADED = frozenset({503, 509})
GAVE_UP = frozenset({502, 504})
CAPTIVE = 511
"""Comes from the network, which wants a sign-in of its own, and never from the server (RFC 6585, 6)."""

_HIDDEN: ContextVar[tuple[str, ...]] = ContextVar("hidden", default=())


@contextmanager
def redacting(*secrets: str | None) -> Iterator[None]:
    """Whatever `one_line` tells in here is without these values, should a server or a library repeat them."""
    forms = {form for secret in secrets if secret for form in (secret, quote(secret), quote_plus(secret))}
    token = _HIDDEN.set((*_HIDDEN.get(), *sorted(forms, key=len, reverse=True)))
    try:
        yield
    finally:
        _HIDDEN.reset(token)


def sanitize(text: str, most: int = 300) -> str:
    """For an expert's eye: no line breaks, no tokens or secrets, not too long."""
    for secret in _HIDDEN.get():
        text = text.replace(secret, "[hidden]")
    text = " ".join("".join(c if c.isprintable() else " " for c in SECRETS.sub("[hidden]", text)).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def proof_of(error: BaseException) -> Answer | None:
    """What an exception of a connection was marked with (see `mailer.http.http_session`): NOT_REACHED or
    CUT_BEFORE where no whole request had left, FOREIGN where an answer came that is none."""
    seen: set[int] = set()
    pending: list[Any] = [error]
    while pending:
        one = pending.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        if isinstance(found := getattr(one, "proves", None), Answer):
            return found
        seen.add(id(one))
        pending += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return None


def failure_of(error: BaseException, *, sent: bool, roles: tuple[str, ...] | None = None) -> SendError:
    """An exception as a Failure; `sent` says that the message was on its way when it was raised."""
    cause = diagnosis.from_exception(error, roles=roles)
    response = getattr(error, "response", None)
    wait = None if response is None else retry_after(response.headers.get("Retry-After"))
    if response is not None and response.status_code >= 400:  # a refusal needs no body
        answer = answer_to(response.status_code, own_words=False, wait=wait)
    else:
        answer = proof_of(error) or Answer.NO_ANSWER
    return SendError(
        cause,
        sanitize(f"{type(error).__name__}: {error}"),
        Acceptance.UNKNOWN if sent and answer in DOUBTFUL else Acceptance.NOT_SENT,
        retry=cause in LATER or (sent and answer in DOUBTFUL),
        retry_after=wait,
        answer=answer,
    )


def answer_to(status: int, *, own_words: bool, wait: float | None) -> Answer:
    """What an HTTP status that is no success proves. `own_words`: its body is an error as the protocol writes it;
    `wait` is its Retry-After in seconds.

    A gateway's 502 or 504 may hide an acceptance (Graph sent four mails after four 504: learn.microsoft.com/answers
    2286986), and so may a bare 503: Azure Front Door answers so when the server behind it took too long ("Troubleshoot
    Azure Front Door common issues"), Envoy when the server's connection broke under a request that it had passed on.
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
    """Seconds, from a Retry-After header of either form, at most a day; None if there is none that can be read."""
    if not value:
        return None
    if re.fullmatch(r"\s*[0-9]+(\.[0-9]*)?\s*", value):
        return min(float(value), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(value)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        seconds = (at - (now or datetime.now(UTC))).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_WAIT)


def _silence(*loggers: str) -> None:
    """These write tokens, passwords or whole messages: headers at DEBUG, a token's answer that is no JSON at ERROR."""
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
