"""HTTP to servers that nobody vouches for: in time as a whole, a little of the answer, no redirect, nothing from the
environment (no proxy, no bundle, no netrc), and only where the guard lets it.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from urllib3.exceptions import HTTPError

from mailer import https, sockets, wire

LONGEST = 20.0
"""Seconds that one notice may take in all."""
LARGEST_ANSWER = 65_536
"""Bytes of an answer that are read, unpacked; the rest is left where it is."""


class Session(https.Session):
    """For http and https. An answer's status is believed even if its body breaks off, never ends, or is no text."""

    def __init__(self, ca_file: str | None = None, *, timeout: float = LONGEST) -> None:
        super().__init__(ca_file, timeout=timeout)
        self.mount("http://", self.get_adapter("https://"))

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        with sockets.deadline(self.timeout):
            answer = requests.Session.send(self, request, **{**kwargs, "stream": True, "timeout": self.timeout})
            answer._content = _beginning(answer)
            answer._content_consumed = True  # type: ignore[attr-defined]
            answer.close()
            return answer


def _beginning(answer: requests.Response) -> bytes:
    """What of the body comes, unpacked, no more than LARGEST_ANSWER bytes of it."""
    body = bytearray()
    with contextlib.suppress(HTTPError, OSError):
        while len(body) < LARGEST_ANSWER and (piece := answer.raw.read1(4096, decode_content=True)):
            body += piece
    return bytes(body[:LARGEST_ANSWER])


def parts_to_hide(url: str) -> tuple[str, ...]:
    """Whatever of an address can be a secret: its login, what its path and its query are made of."""
    address = urlsplit(url)
    path = [part for part in address.path.split("/") if len(part) >= 6]
    values = [value for _name, value in parse_qsl(address.query) if len(value) >= 6]
    login = address.netloc.rpartition("@")[0]
    whole = f"{address.path}?{address.query}".rstrip("?")
    candidates = [url, whole if len(whole) > 1 else "", login, *login.split(":"), *path, *map(unquote, path), *values]
    return tuple(one for one in candidates if one)


def words_of(answer: requests.Response, most: int = 120) -> str:
    """What the server said, for an expert's eye: a short text, or nothing where it is a page or no text at all."""
    kind = answer.headers.get("Content-Type", "text/plain").lower()
    if not re.match(r"text/plain|application/(?:[\w.-]+\+)?json", kind):
        return ""
    return wire.one_line(answer.content.decode("utf-8", "replace"), most)
