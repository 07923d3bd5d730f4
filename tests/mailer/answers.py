"""Every answer that a server, or what stands before it, is known to give, and what each of our ways makes of it.

"sent"; or the answer's class, "retry" where the same call may succeed later, the server's wish in seconds. Numbers of
issues are those of Microsoft's repositories at GitHub; "Q&A" is learn.microsoft.com/answers.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

from mailer.errors import DOUBTFUL, Acceptance, SendError
from mailer.errors import Answer as JudgedAnswer
from tests.mailer.https_server import Answer, Request, reply
from tests.mailer.tcp_server import Cut

PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Welcome to the hotel's network</body></html>"
GRAPH_ERROR = {"error": {"code": "ErrorInternalServerError", "message": "An internal server error occurred."}}
UNKNOWN_ERROR = {"error": {"code": "UnknownError", "message": ""}}
"""What Graph writes around an answer that it did not understand itself."""
BOMB = gzip.compress(gzip.compress(b" " * 10_000_000))
PATIENCE = 5.0
"""Seconds that a server has."""
SHORT = 0.3
"""Seconds for one that never answers, where these are enough to connect."""


def described(failure: SendError) -> str:
    """A failure as the table writes it."""
    wait = "" if failure.retry_after is None else f"{failure.retry_after:g}"
    return " ".join(part for part in (failure.answer.value, "retry" if failure.retry else "", wait) if part)


def raw(said: bytes, then: Literal["close", "reset", "wait"] = "close") -> Answer:
    """These bytes, then the end of the connection, a TCP reset, or nothing more."""

    def says(request: Request) -> bytes:
        if said:
            request.peer.send(said)
        if then == "reset":
            raise Cut
        if then == "wait":
            request.peer.reader.read(1)
        request.peer.shut()
        return b""

    return says


def floods(head: bytes, piece: bytes) -> Answer:
    """The head, then the piece without end."""

    def says(request: Request) -> bytes:
        request.peer.send(head)
        while True:
            request.peer.send(piece)

    return says


def drips(head: bytes) -> Answer:
    """The head, then a space now and then, for a minute."""

    def says(request: Request) -> bytes:
        request.peer.send(head)
        request.peer.socket.settimeout(0.05)
        for _space in range(1000):
            request.peer.send(b" ")
            try:
                if not request.peer.socket.recv(1):
                    break
            except TimeoutError:
                continue
        return b""

    return says


def late_date() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(days=40), usegmt=True)


@dataclass(frozen=True)
class Case:
    """`graph` is for sendMail and for the sending of a draft, `ews` online and on premises, `token` for the token that
    is asked for first, `webhook` and `ntfy` for channels. None: it is not asked there."""

    name: str
    answer: Answer
    graph: str
    ews: str
    token: str
    webhook: str
    ntfy: str
    is_slow: bool = False
    """It lasts as long as our patience: patience is cut short for it."""

    def __str__(self) -> str:
        return self.name


def _same(name: str, answer: Answer, everywhere: str, *, is_slow: bool = False, **but: str) -> Case:
    columns = {column: but.get(column, everywhere) for column in ("graph", "ews", "token", "webhook", "ntfy")}
    return Case(name, answer, **columns, is_slow=is_slow)


def _five(name: str, status: int, **headers: str) -> Case:
    """A 5xx with no words of anybody's."""
    return _same(name, reply(status, f"<html>{status}</html>", Content_Type="text/html", **headers), "gateway retry")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
FOREIGN = "foreign retry"

SUCCESSES = [
    _same("202 empty", reply(202), FOREIGN, graph="sent", webhook="sent"),
    _same(  # how Graph's own looks (msgraph-sdk-javascript 156: 202, and no JSON in it)
        "202 chunked, empty", raw(ACCEPTED + CHUNKED + b"0\r\n\r\n"), FOREIGN, graph="sent", webhook="sent"
    ),
    _same("202 without a length, closed", raw(ACCEPTED + b"\r\n"), FOREIGN, graph="sent", webhook="sent"),
    _same("202 after 100 Continue", raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + ACCEPTED + b"Content-Length: 0\r\n\r\n"),
          FOREIGN, graph="sent", webhook="sent"),
    _same("202 with Retry-After", reply(202, Retry_After="5"), "foreign retry 5", graph="sent", webhook="sent"),
    # (msgraph-sdk-java 1487)
    _same("202 with a page", reply(202, PAGE, Content_Type="text/html"), FOREIGN),
    _same("202 with JSON", reply(202, {"id": "x"}), FOREIGN, webhook="sent"),
    _same("202 with spaces", reply(202, " " * 1000), FOREIGN, webhook="sent"),
    _same("202 to another request", reply(202, client_request_id="7f3a"), FOREIGN, ews=FOREIGN, webhook="sent"),
    _same("200 page", reply(200, PAGE, Content_Type="text/html"), FOREIGN),
    _same("200 page called JSON", reply(200, "\ufeff \n" + PAGE, Content_Type="application/json"), FOREIGN),
    _same("200 empty", reply(200), FOREIGN, webhook="sent", ntfy="sent"),
    _same("200 with JSON of something else", reply(200, {"status": "healthy"}), FOREIGN,
          webhook="sent", ntfy="sent"),
    _same("200 with nesting without end", reply(200, "[" * 400_000), FOREIGN, webhook="sent", ntfy="sent"),
    _same("201 with JSON", reply(201, {"id": "x"}), FOREIGN, webhook="sent"),
    _same("203 of a proxy", reply(203, {"id": "x"}), FOREIGN, webhook="sent"),
    _same("204", reply(204), FOREIGN, webhook="sent"),
    _same("206", reply(206, "x", content_range="bytes 0-0/9"), FOREIGN, webhook="sent"),
    _same("299", reply(299), FOREIGN, webhook="sent"),
]  # fmt: skip

REDIRECTS = [
    _same("301", reply(301, location="https://login.example/"), FOREIGN, webhook="refused", ntfy="refused"),
    _same("302 to a sign-in page", reply(302, location="https://hotel.example/login"), FOREIGN,
          webhook="refused retry", ntfy="refused retry"),
    _same("303", reply(303, location="/login"), FOREIGN, webhook="refused retry", ntfy="refused retry"),
    _same("304", reply(304), FOREIGN, webhook="refused", ntfy="refused"),
    _same("307", reply(307, location="/login"), FOREIGN, webhook="refused retry", ntfy="refused retry"),
    _same("308", reply(308, location="/login"), FOREIGN, webhook="refused", ntfy="refused"),
]  # fmt: skip

REFUSALS = [
    *(_same(f"{status}", reply(status), "refused") for status in (400, 401, 403, 404, 410, 413, 422)),
    _same("403 of a proxy", reply(403, PAGE, Content_Type="text/html"), "refused"),
    _same("407", reply(407), "refused retry", webhook="refused", ntfy="refused"),
    _same("408", reply(408), "busy retry"),
    _same("421", reply(421), "busy retry", webhook="refused", ntfy="refused"),
    _same("425", reply(425), "busy retry", webhook="refused", ntfy="refused"),
    _same("429", reply(429), "busy retry"),
    _same("429 in seconds", reply(429, Retry_After="17"), "busy retry 17"),
    _same("429 by a date gone by", reply(429, Retry_After="Mon, 23 Nov 2026 08:00:00 GMT"), "busy retry 0"),
    _same("429 by a date far off", reply(429, Retry_After=late_date()), "busy retry 86400"),
    _same("429 with nonsense", reply(429, Retry_After="soon"), "busy retry"),
    _same("429 for ever", reply(429, Retry_After="9" * 400), "busy retry 86400"),
    _same("429 below zero", reply(429, Retry_After="-5"), "busy retry"),
    _same("451", reply(451), "refused"),
    _same("511 of a network", reply(511, PAGE), "refused retry", webhook="gateway retry", ntfy="gateway retry"),
]  # fmt: skip

GATEWAYS = [
    Case("500 in Graph's words", reply(500, {"error": {"code": "ErrorMailboxStoreUnavailable", "message": "x"}}),
         "refused retry", "gateway retry", "gateway retry", "gateway retry", "gateway retry"),
    # "the email is still sent, but Graph API returns an error" (Q&A 5629476)
    _same("500 that says only that something failed", reply(500, GRAPH_ERROR), "gateway retry"),
    _same("500 bare", reply(500), "gateway retry"),
    _five("500 page", 500),
    _same("501", reply(501), "gateway retry"),
    _same("500 of a server that was not understood", reply(500, UNKNOWN_ERROR), "gateway retry"),
    _five("502", 502),
    _same("502 in Graph's words", reply(502, GRAPH_ERROR), "gateway retry"),
    # Graph writes this around its workload's silence (microsoft-graph-docs 5288, 5853)
    _same("503 of a server that was not understood", reply(503, UNKNOWN_ERROR), "gateway retry",
          webhook="busy retry", ntfy="busy retry"),
    # microsoft-graph-explorer-v4 3143
    Case("503 in Graph's words", reply(503, {"error": {"code": "MailboxInfoStale", "message": "on backend 'Unknown'"}}),
         "busy retry", "gateway retry", "gateway retry", "busy retry", "busy retry"),
    # Azure Front Door's page (onedrive-api-docs 697), which also means that the server behind it took too long
    _same("503 page", reply(503, "<html><h2>Our services aren't available right now</h2></html>"), "gateway retry",
          webhook="busy retry", ntfy="busy retry"),
    _same("503 with Retry-After", reply(503, Retry_After="30"), "busy retry 30"),
    _same("503 with nonsense", reply(503, Retry_After="later"), "gateway retry", webhook="busy retry",
          ntfy="busy retry"),
    _five("504", 504),
    # "fails with a 504 … eventually users receive the email 4 times" (Q&A 2286986)
    _same("504 in Graph's words", reply(504, UNKNOWN_ERROR), "gateway retry"),
    Case("507 in Graph's words", reply(507, {"error": {"code": "ErrorQuotaExceeded", "message": "x"}}), "refused retry",
         "gateway retry", "gateway retry", "gateway retry", "gateway retry"),
    _five("507", 507),
    _same("509", reply(509), "gateway retry"),
    *(_five(f"{status} of Cloudflare", status) for status in range(520, 530)),
    _same("599", reply(599), "gateway retry"),
    _same("600", reply(600), FOREIGN),
    _same("999", reply(999), FOREIGN),
]  # fmt: skip

BROKEN = [
    _same("reset", raw(b"", "reset"), "no_answer retry"),
    _same("closed", raw(b""), "no_answer retry"),
    _same("silence", raw(b"", "wait"), "no_answer retry", is_slow=True),
    _same("garbage", raw(b"\x16\x03\x01\x02\x00\x01\r\n\r\n"), FOREIGN),
    _same("another protocol", raw(b"220 mail.example ESMTP\r\n"), FOREIGN),
    _same("HTTP/0.9", raw(PAGE.encode()), FOREIGN),
    _same("HTTP/2", raw(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\r\n"), FOREIGN),
    _same("half a status line", raw(b"HTTP/1.1 202 Acc"), FOREIGN),
    _same("headers cut off", raw(ACCEPTED + b"Content-Type: text/pl"), FOREIGN),
    _same("a status that is no number", raw(b"HTTP/1.1 2O2 Accepted\r\n\r\n"), FOREIGN),
    _same("early hints", raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" + ACCEPTED + b"Content-Length: 0\r\n\r\n"), FOREIGN),
    _same("switching protocols", raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), FOREIGN),
    _same("two lengths", raw(ACCEPTED + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello"), FOREIGN),
    _same("100 Continue without end", floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 200), FOREIGN),
    _same("headers without end", floods(ACCEPTED, b"x-a: b\r\n" * 200), FOREIGN),
    _same("a header without end", floods(ACCEPTED + b"x-a: ", b"x" * 4096), FOREIGN),
    _same("a body cut off", raw(ACCEPTED + b"Content-Length: 1000\r\n\r\nhalf"), FOREIGN),
    _same("an empty body that never comes", raw(ACCEPTED + CHUNKED, "wait"), FOREIGN, is_slow=True),
    _same("spaces for a minute", drips(ACCEPTED + b"Content-Length: 100\r\n\r\n"), FOREIGN,
          is_slow=True),
    _same("bad chunks", raw(ACCEPTED + CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n"), FOREIGN),
    _same("a body without end", floods(HEAD + b"Content-Length: 99999999999\r\n\r\n", b" " * 65_536), FOREIGN,
          webhook="sent", ntfy="sent"),
    _same("gzip that was not asked for", reply(202, gzip.compress(b""), Content_Encoding="gzip"), FOREIGN,
          webhook="sent"),
    _same("a bomb twice packed", reply(200, BOMB, Content_Encoding="gzip, gzip"),
          FOREIGN, webhook="sent", ntfy="sent"),
    _same("a refusal cut off", raw(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\nhalf"), "refused"),
    _same("a refusal packed", reply(400, gzip.compress(json.dumps(GRAPH_ERROR).encode()), Content_Encoding="gzip"),
          "refused"),
]  # fmt: skip

CASES = {
    "successes": SUCCESSES,
    "redirects": REDIRECTS,
    "refusals": REFUSALS,
    "gateways": GATEWAYS,
    "broken": BROKEN,
}
Made = tuple[str, Acceptance | None]
"""What the table says of a call, and what it makes of the message: None where it is sent."""


def made_of(call: Callable[[float], object], *, is_slow: bool = False) -> Made:
    """What `call`, which is given its patience in seconds, makes of the answer."""
    try:
        call(SHORT if is_slow else PATIENCE)
    except SendError as failure:
        if is_slow and failure.answer in (JudgedAnswer.NOT_REACHED, JudgedAnswer.CUT_BEFORE):
            return made_of(call)  # a busy machine
        return described(failure), failure.outcome
    return "sent", None


def expected(said: str, *, carried: bool = True) -> Made:
    """The table's word with what it means for a message, where the request carried it."""
    if said == "sent":
        return said, None
    is_doubtful = carried and said.split()[0] in DOUBTFUL
    return said, Acceptance.UNKNOWN if is_doubtful else Acceptance.NOT_SENT
