"""Everything that a provider, or a machine in front of it, answers while it is not well.

Source: Microsoft Graph, "Microsoft Graph error responses and resource types", "Microsoft Graph throttling guidance";
EWS, "Handling EWS throttling"; RFC 9110, 15.5 and 15.6; RFC 5321, 3.8 and 4.2.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from tests.mailer.transports.soap import fault

HttpReply = Callable[[str], bytes]
"""The whole answer as bytes, in the endpoint's protocol."""

PAGE = b"<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body>Welcome</body></html>"


@dataclass(frozen=True)
class ProviderAnswer:
    """What an endpoint does instead of answering well. Without any field set it answers well."""

    name: str
    connection: Literal["", "refused", "unknown host", "untrusted certificate"] = ""
    ending: Literal["", "cut before", "cut after", "silence"] = ""
    """Reset before the whole request was read; reset, or nothing at all, after it."""
    http: HttpReply | None = None
    smtp: tuple[str, bytes] | None = None
    """At which verb of the conversation ("DOT" after the message) which reply is given."""
    accepts: bool = False
    """The request is carried out although the client gets no confirmation."""

    @property
    def is_well(self) -> bool:
        return not (self.connection or self.ending or self.http or self.smtp)

    @property
    def speaks_http(self) -> bool:
        return self.http is not None or not self.smtp

    @property
    def speaks_smtp(self) -> bool:
        return self.smtp is not None or self.http is None

    def accepting(self) -> ProviderAnswer:
        """The same answer, behind which the message was taken."""
        return replace(self, name=f"{self.name}, accepted", accepts=True)


WELL = ProviderAnswer("well")


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Underscores in header names are replaced by hyphens."""
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def plain(status: int, body: bytes = b"", **headers: str) -> HttpReply:
    """The same body from every endpoint, as from a proxy in front of them."""
    return lambda endpoint: reply(status, body, **headers)


def in_words(status: int, graph: str, ews: str, **headers: str) -> HttpReply:
    """The error object of each protocol, with its code for this error."""

    def answer(endpoint: str) -> bytes:
        if endpoint == "ews":
            return reply(500, fault(ews).encode(), Content_Type="text/xml; charset=utf-8", **headers)
        if endpoint == "token":
            body: dict[str, object] = {"error": "temporarily_unavailable", "error_description": "AADSTS90033: later."}
        else:
            body = {"error": {"code": graph, "message": "Scripted."}}
        return reply(status, json.dumps(body).encode(), Content_Type="application/json", **headers)

    return answer


def success_of(endpoint: str) -> int:
    """The status that the protocol documents for success."""
    return 202 if endpoint == "graph" else 200


REFUSED_CONNECTION = ProviderAnswer("connection refused", connection="refused")
UNKNOWN_HOST = ProviderAnswer("no such host", connection="unknown host")
UNTRUSTED = ProviderAnswer("TLS certificate not trusted", connection="untrusted certificate")
CUT_BEFORE = ProviderAnswer("reset before the whole request", ending="cut before")
CUT_AFTER = ProviderAnswer("reset after the request", ending="cut after")
SILENCE = ProviderAnswer("silence", ending="silence")
BARE_500 = ProviderAnswer("500 bare", http=plain(500))
ERROR_500 = ProviderAnswer(
    "500 in the protocol's words", http=in_words(500, "generalException", "ErrorInternalServerError")
)
BAD_GATEWAY = ProviderAnswer("502", http=plain(502, b"<html><h1>502 Bad Gateway</h1></html>", Content_Type="text/html"))
UNAVAILABLE = ProviderAnswer("503", http=plain(503))
UNAVAILABLE_UNTIL = ProviderAnswer("503 Retry-After 120", http=plain(503, Retry_After="120"))
BUSY_503 = ProviderAnswer("503 in the protocol's words", http=in_words(503, "serviceNotAvailable", "ErrorServerBusy"))
GATEWAY_TIMEOUT = ProviderAnswer("504", http=plain(504, b"<html>Gateway Timeout</html>", Content_Type="text/html"))
THROTTLED = ProviderAnswer(
    "429 Retry-After 60", http=in_words(429, "TooManyRequests", "ErrorServerBusy", Retry_After="60")
)
PROXY_PAGE = ProviderAnswer("200 with a proxy's page", http=plain(200, PAGE, Content_Type="text/html"))
PAGE_AS_SUCCESS = ProviderAnswer(
    "success status with a page", http=lambda endpoint: reply(success_of(endpoint), PAGE, Content_Type="text/html")
)
REDIRECT = ProviderAnswer("302 to a sign-in page", http=plain(302, Location="https://portal.invalid/sign-in"))
TRUNCATED = ProviderAnswer(
    "truncated",
    http=lambda endpoint: f"HTTP/1.1 {success_of(endpoint)} OK\r\nContent-Length: 500\r\n\r\n<".encode(),
)
GARBAGE = ProviderAnswer("garbage", http=lambda endpoint: b"\x00\x15\x03\x01 no protocol at all\r\n\r\n")
CLOSING = ProviderAnswer("421 closing", smtp=("GREETING", b"421 4.3.2 Service not available, closing channel"))
LOCAL_ERROR = ProviderAnswer("451 after the message", smtp=("DOT", b"451 4.3.0 Error in processing"))
THROTTLED_SMTP = ProviderAnswer("432 concurrent connections", smtp=("MAIL", b"432 4.3.2 Concurrent connections limit"))
AUTH_LATER = ProviderAnswer("454 at AUTH", smtp=("AUTH", b"454 4.7.0 Temporary authentication failure"))
NO_SMTP = ProviderAnswer("an HTTP page at SMTP's port", smtp=("GREETING", b"HTTP/1.1 400 Bad Request"))
ODD_REPLY = ProviderAnswer("299 after the message", smtp=("DOT", b"299 Undefined code"))
BROKEN_REPLY = ProviderAnswer("garbage after the message", smtp=("DOT", b"\x00\x15\x03\x01"))

DOUBTFUL = (
    CUT_AFTER,
    SILENCE,
    BARE_500,
    ERROR_500,
    BAD_GATEWAY,
    UNAVAILABLE,
    GATEWAY_TIMEOUT,
    REDIRECT,
    PROXY_PAGE,
    PAGE_AS_SUCCESS,
    TRUNCATED,
    GARBAGE,
    ODD_REPLY,
    BROKEN_REPLY,
)
"""Behind these a message may have been accepted: each comes in both kinds."""
CLEAR = (
    REFUSED_CONNECTION,
    UNKNOWN_HOST,
    UNTRUSTED,
    CUT_BEFORE,
    UNAVAILABLE_UNTIL,
    BUSY_503,
    THROTTLED,
    CLOSING,
    LOCAL_ERROR,
    THROTTLED_SMTP,
    AUTH_LATER,
    NO_SMTP,
)
ANSWERS = (*CLEAR, *(one for answer in DOUBTFUL for one in (answer, answer.accepting())))
