"""HTTP to servers that nobody vouches for: in time as a whole, a little of the answer, no redirect, nothing from the
environment (no proxy, no bundle, no netrc), and only where the guard lets it.
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

LONGEST = 20.0
"""Seconds that one notice may take in all."""
LARGEST_ANSWER = 65_536
"""Bytes of an answer that are read; the rest is left where it is."""

_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)

SHORTEST_SECRET = 5
"""Characters. What is shorter is found in any text."""


class _Adapter(http_session.Adapter):
    """Reads the beginning of an answer, and leaves the rest."""

    def read(self, answer: requests.Response) -> None:
        """No more than LARGEST_ANSWER bytes, as they came; none where they are compressed, which is not asked for.
        A success that broke off, or did not end in time, has a flaw (`http_session.flaw_of`): it may be a proxy's."""
        body = bytearray()
        try:
            while len(body) < LARGEST_ANSWER and (piece := answer.raw.read1(4096, decode_content=False)):
                body += piece
            broke_off = len(body) < LARGEST_ANSWER and bool(answer.raw.length_remaining)
        except (HTTPError, HTTPException, OSError, ValueError):
            broke_off = True
        if broke_off and answer.ok:
            answer.flaw = "its body broke off"  # type: ignore[attr-defined]
        is_plain = answer.headers.get("Content-Encoding", "identity").strip().lower() in ("", "identity")
        http_session.keep_whole(answer, bytes(body[:LARGEST_ANSWER]) if is_plain else b"")
        answer.close()


class ChannelSession(http_session.Session):
    """For http and https. A refusal is believed by its status alone, whatever becomes of its body."""

    def __init__(self, ca_file: str | None = None, *, timeout: float = LONGEST) -> None:
        super().__init__(ca_file, timeout=timeout)
        adapter = _Adapter(ca_file)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        return super().send(request, **{**kwargs, "timeout": self.timeout})


def parts_to_hide(url: str) -> tuple[str, ...]:
    """Whatever of an address can be a secret. Of one for apprise that is all but a host with a full stop in it."""
    scheme, _, rest = url.partition("://")
    address = urlsplit(f"https://{rest}")
    host = address.netloc.rpartition("@")[2]
    hidden = re.split(r"[/?&=:@,#]+", rest.replace(host, "", 1) if "." in host or scheme.startswith("http") else rest)
    parts = {part for raw in hidden for part in (raw, unquote(raw)) if len(part) >= SHORTEST_SECRET}
    whole = f"{address.path}?{address.query}".rstrip("?")
    return (url, *([whole] if len(whole) > 1 else []), *sorted(parts, key=len, reverse=True))


def failure_of(error: BaseException) -> SendError:
    """What went wrong with a request, told by its innermost reason, without the names of our classes."""
    failure = wire_errors.failure_of(error, sent=True)
    inner: object = error
    while isinstance(inner, BaseException) and (wrapped := getattr(inner, "reason", None) or (*inner.args, "")[0]):
        if not isinstance(wrapped, BaseException):
            break
        inner = wrapped
    said = re.sub(r"\w+\(host=[^)]*\): ", "", f"{type(inner).__name__}: {inner}")
    failure.technical = wire_errors.sanitize(said)
    return failure


def is_page(answer: requests.Response) -> bool:
    """Whether the body is an HTML page. Programs do not answer a program so: a network's sign-in page does, or a
    proxy's. The declared type says less: PHP declares HTML where nothing is declared."""
    return bool(_PAGE.match(answer.content))


def words_of(answer: requests.Response, most: int = 120) -> str:
    """What the server said, for an expert's eye: a short text, or nothing where it is a page or no text at all."""
    kind = answer.headers.get("Content-Type", "text/plain").lower()
    if not re.match(r"text/plain|application/(?:[\w.-]+\+)?json", kind):
        return ""
    return wire_errors.sanitize(answer.content.decode("utf-8", "replace"), most)
