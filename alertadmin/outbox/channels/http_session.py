"""HTTP to untrusted servers: with an overall deadline, a limited response size, no redirects, no settings from the
environment (proxy, CA bundle, netrc), and only to addresses that the SSRF guard allows.
"""

from __future__ import annotations

import re
from http.client import HTTPException
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from urllib3.exceptions import HTTPError

from mailer.errors import SendError
from mailer.http import http_session, wire_errors

TIMEOUT = 20.0
"""Seconds for one notification in total."""
MAX_RESPONSE = 65_536
"""Bytes of a response to read; the rest is discarded."""

_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)

MIN_SECRET_LENGTH = 5
"""Minimum length of a part to redact, in characters: shorter ones occur in any text."""


class _Adapter(http_session.Adapter):
    """Reads the beginning of a response and discards the rest."""

    def read(self, answer: requests.Response) -> None:
        """Read at most MAX_RESPONSE bytes, undecoded; nothing if the body is compressed, which was not requested. A
        success whose body is truncated has a flaw (`http_session.flaw_of`): a proxy may have sent it."""
        body = bytearray()
        try:
            while len(body) < MAX_RESPONSE and (piece := answer.raw.read1(4096, decode_content=False)):
                body += piece
            broke_off = len(body) < MAX_RESPONSE and bool(answer.raw.length_remaining)
        except (HTTPError, HTTPException, OSError, ValueError):
            broke_off = True
        if broke_off and answer.ok:
            answer.flaw = "its body broke off"  # type: ignore[attr-defined]
        is_plain = answer.headers.get("Content-Encoding", "identity").strip().lower() in ("", "identity")
        http_session.set_body(answer, bytes(body[:MAX_RESPONSE]) if is_plain else b"")
        answer.close()


class ChannelSession(http_session.Session):
    """A session for http and https. An error status counts even if its body is broken."""

    def __init__(self, ca_file: str | None = None, *, timeout: float = TIMEOUT) -> None:
        super().__init__(ca_file, timeout=timeout)
        adapter = _Adapter(ca_file)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        return super().send(request, **{**kwargs, "timeout": self.timeout})


def secret_parts(url: str) -> tuple[str, ...]:
    """All parts of an address that may be secret. For an apprise address: all but a host that contains a dot."""
    scheme, _, rest = url.partition("://")
    address = urlsplit(f"https://{rest}")
    host = address.netloc.rpartition("@")[2]
    hidden = re.split(r"[/?&=:@,#]+", rest.replace(host, "", 1) if "." in host or scheme.startswith("http") else rest)
    parts = {part for raw in hidden for part in (raw, unquote(raw)) if len(part) >= MIN_SECRET_LENGTH}
    whole = f"{address.path}?{address.query}".rstrip("?")
    return (url, *([whole] if len(whole) > 1 else []), *sorted(parts, key=len, reverse=True))


def failure_of(error: BaseException) -> SendError:
    """The failure of a request, described by its innermost cause, without the names of our classes."""
    failure = wire_errors.to_send_error(error, sent=True)
    if failure.cause == "proxy":
        return failure
    inner: object = error
    while isinstance(inner, BaseException) and (wrapped := getattr(inner, "reason", None) or (*inner.args, "")[0]):
        if not isinstance(wrapped, BaseException):
            break
        inner = wrapped
    said = re.sub(r"\w+\(host=[^)]*\): ", "", f"{type(inner).__name__}: {inner}")
    failure.technical = wire_errors.sanitize(said)
    return failure


def is_html_page(answer: requests.Response) -> bool:
    """Whether the body is an HTML page. A captive portal or a proxy sends one, a service does not. The content type is
    no evidence: PHP declares HTML by default."""
    return bool(_PAGE.match(answer.content))


def message_of(answer: requests.Response, most: int = 120) -> str:
    """The server's message for the technical details: a short text; empty if it is a page or not text."""
    kind = answer.headers.get("Content-Type", "text/plain").lower()
    if not re.match(r"text/plain|application/(?:[\w.-]+\+)?json", kind):
        return ""
    return wire_errors.sanitize(answer.content.decode("utf-8", "replace"), most)
