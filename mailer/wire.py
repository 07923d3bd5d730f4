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
from mailer.failure import Failure, Outcome

LATER = frozenset({"network", "transient", "throttled", "sending_limit"})
"""Causes after which the same call can succeed without anybody mending anything."""
LONGEST_WAIT = 86_400.0
"""Seconds: no server silences a mailbox for longer than a day."""

_SECRETS = re.compile(
    r"eyJ[\w-]{5,}(?:\.[\w-]+)*"  # a JWT
    r"|(?i:\bbearer\s+)(?!(?:token|auth|realm))\S{6,}"
    r"|(?i:\bbasic\s+)[\w+/]{16,}=*"  # longer than "authentication"
    r"|(?:dXNlcj|TlRMTVNT)[\w+/]{8,}=*"  # base64 of "user=…" (XOAUTH2), of an NTLM message
    r"|\bEwB[\w+/]{20,}=*"  # an access token of a personal account
    r"|\bM\.[A-Z]\d+_[A-Z\d]+\.[\w.!*$-]{20,}"  # a refresh token of one
    r"|[\w.~-]{3}\dQ~[\w.~-]{20,40}"  # a client secret of today's shape
    r"|(?i:\b(?:client_secret|client_assertion|password|access_token|refresh_token|device_code)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;}<]{3,}"
)
_HIDDEN: ContextVar[tuple[str, ...]] = ContextVar("hidden", default=())


@contextmanager
def hiding(*secrets: str | None) -> Iterator[None]:
    """Whatever `one_line` tells in here is without these values, should a server or a library repeat them."""
    forms = {form for secret in secrets if secret for form in (secret, quote(secret), quote_plus(secret))}
    token = _HIDDEN.set((*_HIDDEN.get(), *sorted(forms, key=len, reverse=True)))
    try:
        yield
    finally:
        _HIDDEN.reset(token)


def one_line(text: str, most: int = 300) -> str:
    """For an expert's eye: no line breaks, no tokens or secrets, not too long."""
    for secret in _HIDDEN.get():
        text = text.replace(secret, "[hidden]")
    text = " ".join("".join(c if c.isprintable() else " " for c in _SECRETS.sub("[hidden]", text)).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def never_left(error: BaseException) -> bool:
    """Whether it was raised before a whole request had left (see `mailer.https`), so that nothing was accepted."""
    seen: set[int] = set()
    pending: list[Any] = [error]
    while pending:
        one = pending.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        if getattr(one, "never_left", False):
            return True
        seen.add(id(one))
        pending += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return False


def failure_of(error: BaseException, *, sent: bool, roles: tuple[str, ...] | None = None) -> Failure:
    """An exception as a Failure; `sent` says that the message was on its way when it was raised."""
    cause = diagnosis.from_exception(error, roles=roles)
    response = getattr(error, "response", None)
    return Failure(
        cause,
        one_line(f"{type(error).__name__}: {error}"),
        Outcome.UNKNOWN if sent and not never_left(error) else Outcome.NOT_SENT,
        retry=cause in LATER,
        retry_after=None if response is None else retry_after(response.headers.get("Retry-After")),
    )


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
