"""The generic webhook: one signed POST of JSON. docs/webhooks.md describes it to whoever receives it."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import requests

from alertadmin.outbox import sentences
from alertadmin.outbox.channels.guard import Allowed, Inside
from alertadmin.outbox.channels.notice import Notice
from alertadmin.outbox.channels.requesting import LONGEST, Session, failure_of, is_page, parts_to_hide, words_of
from mailer import sockets, wire
from mailer.failure import Answer, Failure, Outcome
from mailer.transports import Receipt

NOT_TAKEN_YET = {408: "transient", 429: "throttled", 503: "transient"}
"""Statuses by which a server says that it did nothing, and that it may later."""


PASSING = frozenset({302, 303, 307})
"""Redirects for now (RFC 9110, 15.4). A network that wants a sign-in of its own answers so too, until it has it."""


def content_of(notice: Notice) -> dict[str, Any]:
    return {
        "id": str(notice.id),
        "event": notice.event,
        "at": notice.at.astimezone(UTC).isoformat(timespec="seconds"),
        "subject": notice.subject,
        "text": notice.text,
        "items": list(notice.details),
    }


def body_of(notice: Notice) -> bytes:
    """The JSON, the same bytes each time."""
    return json.dumps(content_of(notice), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def signature_of(key: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over time stamp, full stop, body; in hexadecimal, behind the version of this recipe."""
    return "v1=" + hmac.new(key.encode(), timestamp.encode("ascii") + b"." + body, hashlib.sha256).hexdigest()


def headers_of(notice: Notice, body: bytes, key: str | None, now: datetime) -> dict[str, str]:
    headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": str(notice.id)}
    if key:
        timestamp = str(int(now.timestamp()))
        headers["Alertadmin-Timestamp"] = timestamp
        headers["Alertadmin-Signature"] = signature_of(key, timestamp, body)
    return headers


def post(
    url: str,
    notice: Notice,
    *,
    allowed: Allowed,
    signing_key: str | None = None,
    now: datetime | None = None,
    ca_file: str | None = None,
    timeout: float = LONGEST,
) -> Receipt:
    """Raises Failure. The time stamp is that of this try, so that a receiver may turn old ones away."""
    body = body_of(notice)
    headers = headers_of(notice, body, signing_key, now or datetime.now(UTC))
    with Session(ca_file, timeout=timeout) as session, wire.hiding(signing_key, *parts_to_hide(url)):
        try:
            with sockets.asking(allowed.check):
                answer = session.post(url, data=body, headers=headers)
        except Inside:
            raise Failure("network", sentences.INSIDE) from None
        except ValueError:  # requests' InvalidURL and its like, a host that IDNA cannot spell: found before connecting
            raise Failure("other", sentences.NO_ADDRESS) from None
        except (requests.RequestException, OSError) as error:
            raise failure_of(error) from None
        if 200 <= answer.status_code < 300:
            if is_page(answer):
                raise foreign(answer.status_code)
            return Receipt(str(notice.id), f"HTTP {answer.status_code}")
        raise refusal(answer.status_code, words_of(answer), answer.headers.get("Retry-After"))


def foreign(status: int) -> Failure:
    """Of a success that is none."""
    said = f"HTTP {status}: an HTML page"
    return Failure("network", said, Outcome.UNKNOWN, retry=True, answer=Answer.FOREIGN)


def refusal(status: int, words: str = "", retry_after: str | None = None) -> Failure:
    """What a status that is no success says of a notice."""
    technical = f"HTTP {status}: {words}" if words else f"HTTP {status}"
    wait = wire.retry_after(retry_after)
    if status in NOT_TAKEN_YET:
        return Failure(NOT_TAKEN_YET[status], technical, retry=True, retry_after=wait, answer=Answer.BUSY)
    if 300 <= status < 400:
        return Failure("other", sentences.REDIRECTED % {"status": status}, retry=status in PASSING)
    if 400 <= status < 500:
        return Failure("message_too_large" if status == 413 else "other", technical)
    answer = Answer.GATEWAY if 500 <= status < 600 else Answer.FOREIGN
    return Failure("transient", technical, Outcome.UNKNOWN, retry=True, retry_after=wait, answer=answer)
