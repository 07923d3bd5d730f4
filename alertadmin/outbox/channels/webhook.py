"""The generic webhook: one signed POST of JSON. docs/webhooks.md describes it for receivers."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import requests

from alertadmin.outbox import messages
from alertadmin.outbox.channels.http_session import (
    TIMEOUT,
    ChannelSession,
    failure_of,
    is_html_page,
    message_of,
    secret_parts,
)
from alertadmin.outbox.channels.notification import Notification
from mailer.errors import Acceptance, Answer, SendError
from mailer.http import deadline_sockets, wire_errors
from mailer.http.ssrf_guard import EgressAllowlist, InternalAddress
from mailer.transports import Receipt

RETRYABLE = {408: "transient", 429: "throttled", 503: "transient"}
"""Statuses by which a server says that it did nothing, and may accept later."""


TEMPORARY_REDIRECTS = frozenset({302, 303, 307})
"""Temporary redirects (RFC 9110, 15.4). A captive portal also sends them, until its user signs in."""


def content_of(notice: Notification) -> dict[str, Any]:
    return {
        "id": str(notice.id),
        "event": notice.event,
        "at": notice.at.astimezone(UTC).isoformat(timespec="seconds"),
        "subject": notice.subject,
        "text": notice.text,
        "items": list(notice.details),
    }


def body_of(notice: Notification) -> bytes:
    """The JSON body, identical each time."""
    return json.dumps(content_of(notice), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def signature_of(key: str, timestamp: str, body: bytes) -> str:
    """Hex HMAC-SHA256 over the time stamp, a full stop and the body, prefixed by the scheme's version."""
    return "v1=" + hmac.new(key.encode(), timestamp.encode("ascii") + b"." + body, hashlib.sha256).hexdigest()


def headers_of(notice: Notification, body: bytes, key: str | None, now: datetime) -> dict[str, str]:
    headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": str(notice.id)}
    if key:
        timestamp = str(int(now.timestamp()))
        headers["Alertadmin-Timestamp"] = timestamp
        headers["Alertadmin-Signature"] = signature_of(key, timestamp, body)
    return headers


def post(
    url: str,
    notice: Notification,
    *,
    allowed: EgressAllowlist,
    signing_key: str | None = None,
    now: datetime | None = None,
    ca_file: str | None = None,
    timeout: float = TIMEOUT,
) -> Receipt:
    """Raises SendError. The time stamp is that of this attempt, so that a receiver may refuse old ones."""
    body = body_of(notice)
    headers = headers_of(notice, body, signing_key, now or datetime.now(UTC))
    with ChannelSession(ca_file, timeout=timeout) as session, wire_errors.redacting(signing_key, *secret_parts(url)):
        try:
            with deadline_sockets.address_check(allowed.check):
                answer = session.post(url, data=body, headers=headers)
        except InternalAddress:
            raise SendError("network", messages.INTERNAL_ADDRESS) from None
        except ValueError:  # requests' InvalidURL and the like, or a host that IDNA cannot encode: before connecting
            raise SendError("other", messages.NO_ADDRESS) from None
        except (requests.RequestException, OSError) as error:
            raise failure_of(error) from None
        if 200 <= answer.status_code < 300:
            if is_html_page(answer):
                raise foreign(answer.status_code)
            return Receipt(str(notice.id), f"HTTP {answer.status_code}")
        raise refusal(answer.status_code, message_of(answer), answer.headers.get("Retry-After"))


def foreign(status: int) -> SendError:
    """The failure for a success status with a body that the service did not send."""
    said = f"HTTP {status}: an HTML page"
    return SendError("network", said, Acceptance.UNKNOWN, retry=True, answer=Answer.FOREIGN)


def refusal(status: int, words: str = "", retry_after: str | None = None) -> SendError:
    """The failure for an error status."""
    technical = f"HTTP {status}: {words}" if words else f"HTTP {status}"
    wait = wire_errors.retry_after(retry_after)
    if status in RETRYABLE:
        return SendError(RETRYABLE[status], technical, retry=True, retry_after=wait, answer=Answer.BUSY)
    if 300 <= status < 400:
        return SendError("other", messages.REDIRECTED % {"status": status}, retry=status in TEMPORARY_REDIRECTS)
    if 400 <= status < 500:
        return SendError("message_too_large" if status == 413 else "other", technical)
    answer = Answer.GATEWAY if 500 <= status < 600 else Answer.FOREIGN
    return SendError("transient", technical, Acceptance.UNKNOWN, retry=True, retry_after=wait, answer=answer)
