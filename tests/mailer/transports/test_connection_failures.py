"""Failures before a response, at each step of each transport: nothing was sent."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mailer.errors import Acceptance
from mailer.http import deadline_sockets
from mailer.message import Message
from mailer.tokens import TokenSource
from mailer.transports import Login, Sender
from mailer.transports.ews import EwsTransport
from mailer.transports.graph import GraphTransport
from mailer.transports.smtp_relay import RelayTransport
from mailer.transports.smtp_xoauth2 import SmtpTransport
from tests.mailer.answers import Made, expected, made_of
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import app_of, sender_of
from tests.mailer.https_server import HttpsServer, reply
from tests.mailer.smtp_server import Reply, Script, SmtpServer
from tests.mailer.tcp_server import Cut, Listener, Peer

Send = Callable[[str, float], object]
"""To a host and port, in so many seconds."""
WAYS = ("graph", "ews", "ews on premises", "smtp", "relay", "relay by TLS")


@pytest.fixture
def ways(other: HttpsServer, tokens: TokenSource, message: Message) -> dict[str, Send]:
    """Each with its token at hand, to whichever server is named."""
    app = app_of(other.cloud())
    for scope in (app.graph_scope, app.smtp_scope):
        tokens.token(app, scope)

    def graph(where: str, seconds: float) -> object:
        return GraphTransport(tokens, timeout=seconds).send(message, sender_of(other.cloud(graph=f"https://{where}")))

    def ews(where: str, seconds: float) -> object:
        sender = sender_of(other.cloud(ews=f"https://{where}/EWS/Exchange.asmx"))
        return EwsTransport(tokens, timeout=seconds).send(message, sender)

    def on_premises(where: str, seconds: float) -> object:
        login, endpoint = Login("PLANT\\svc", "x", "ntlm"), f"https://{where}/EWS/Exchange.asmx"
        sender = Sender("alarms@plant.example", None, login, endpoint, other.ca_file)
        return EwsTransport(tokens, timeout=seconds).send(message, sender)

    def smtp(where: str, seconds: float) -> object:
        return SmtpTransport(tokens, timeout=seconds).send(message, sender_of(other.cloud(smtp=where)))

    def relay(where: str, seconds: float, *, implicit: bool = False) -> object:
        host, _, port = where.rpartition(":")
        transport = RelayTransport(
            host, int(port), None, implicit, other.ca_file if implicit else None, timeout=seconds
        )
        return transport.send(message, Sender("alert@plant.example"))

    by_tls: Send = lambda where, seconds: relay(where, seconds, implicit=True)  # noqa: E731
    return dict(zip(WAYS, (graph, ews, on_premises, smtp, relay, by_tls), strict=True))


def made(send: Send, where: str, seconds: float = 5.0) -> Made:
    return made_of(lambda _patience: send(where, seconds))


@pytest.fixture
def closed_port() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"localhost:{taken.getsockname()[1]}"


NOTHING_LEFT = expected("not_reached retry")
CUT = expected("cut_before retry")


@pytest.mark.parametrize("way", WAYS)
def test_a_closed_port(ways: dict[str, Send], closed_port: str, way: str) -> None:
    assert made(ways[way], closed_port) == NOTHING_LEFT


@pytest.mark.parametrize("way", WAYS)
def test_unknown_host_name(ways: dict[str, Send], way: str) -> None:
    assert made(ways[way], "no-such-host.invalid:443") == NOTHING_LEFT


class Opening(Listener):
    """What a server does as soon as it is connected to."""

    def __init__(self, does: Callable[[Peer], None]) -> None:
        super().__init__()
        self.does = does

    def converse(self, peer: Peer) -> None:
        self.does(peer)


def resets(peer: Peer) -> None:
    raise Cut


def closes(peer: Peer) -> None:
    peer.shut()


def stays_silent(peer: Peer) -> None:
    while peer.socket.recv(4096):
        pass


def speaks_in_clear(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    peer.socket.recv(4096)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("does", "by_tls", "in_clear"),
    [
        (resets, NOTHING_LEFT, None),
        (closes, None, CUT),
        (stays_silent, NOTHING_LEFT, CUT),
        (speaks_in_clear, expected("not_reached"), expected("foreign retry", carried=False)),
    ],
    ids=["resets", "closes", "stays silent", "speaks in clear"],
)
def test_server_without_handshake_or_greeting(
    ways: dict[str, Send],
    stack: ExitStack,
    way: str,
    does: Callable[[Peer], None],
    by_tls: Made | None,
    in_clear: Made | None,
) -> None:
    """TLS that does not come about is no connection; an SMTP server that does not greet has one."""
    server = stack.enter_context(Opening(does))
    seconds = 0.3 if does is stays_silent else 5.0
    what, outcome = made(ways[way], f"localhost:{server.port}", seconds)
    due = in_clear if way in ("smtp", "relay") else by_tls
    if due is None:  # an end in the handshake is an error of TLS or of the network; a reset may come before or after it
        assert (what.split()[0] in ("not_reached", "cut_before"), outcome) == (True, Acceptance.NOT_SENT)
    else:
        assert (what, outcome) == due


@pytest.mark.parametrize("way", [way for way in WAYS if way != "relay"])
@pytest.mark.parametrize("wrong", ["stranger", "expired", "other_host"])
def test_a_wrong_certificate(
    ways: dict[str, Send], authorities: Authorities, stack: ExitStack, way: str, wrong: str
) -> None:
    context = getattr(authorities, wrong)
    server: Listener
    if way in ("smtp", "relay by TLS"):
        server = SmtpServer(context, Script(implicit=way != "smtp"))
    else:
        server = HttpsServer(context, authorities.ca_file)
    stack.enter_context(server)
    assert made(ways[way], f"localhost:{server.port}") == expected("not_reached")


@pytest.mark.parametrize("way", ["graph", "ews", "ews on premises"])
@pytest.mark.parametrize("error", [ConnectionResetError(errno.ECONNRESET, "x"), TimeoutError("x"), OSError("x")])
def test_request_reset_while_sending(
    ways: dict[str, Send], other: HttpsServer, monkeypatch: pytest.MonkeyPatch, way: str, error: OSError
) -> None:
    def breaks(connection: deadline_sockets.TlsSocket, data: bytes, flags: int = 0) -> int:
        if not bytes(data[:5]).startswith(b"POST "):  # the body
            raise error
        return sent(connection, data, flags)

    sent = deadline_sockets.TlsSocket.send
    monkeypatch.setattr(deadline_sockets.TlsSocket, "send", breaks)
    assert made(ways[way], f"localhost:{other.port}") == CUT


# Mail servers


def cuts(peer: Peer) -> bytes:
    raise Cut


def ends(peer: Peer) -> bytes:
    peer.shut()
    return b""


def ends_in_a_line(peer: Peer) -> bytes:
    peer.send(b"250 2.0.0 ok")
    peer.shut()
    return b""


def waits(peer: Peer) -> bytes:
    peer.reader.read(1)
    return b""


REPLIES: dict[str, tuple[Reply, str, str]] = {
    "reset": (cuts, "cut_before retry", "no_answer retry"),
    "closed": (ends, "cut_before retry", "no_answer retry"),
    "silence": (waits, "cut_before retry", "no_answer retry"),
    "closed in a line": (ends_in_a_line, "foreign retry", "foreign retry"),
    "421": (b"421 4.3.2 Service shutting down", "busy retry", "busy retry"),
    "451": (b"451 4.7.0 Temporary server error. Please try again later. PRX2", "busy retry", "busy retry"),
    "452": (b"452 4.3.1 Insufficient system resources", "busy retry", "busy retry"),
    "550": (b"550 5.7.1 no", "refused", "refused"),
    "554": (b"554 5.6.0 no", "refused", "refused"),
    "garbage": (b"\x00\xff", "foreign retry", "foreign retry"),
    "HTTP": (b"HTTP/1.1 200 OK", "foreign retry", "foreign retry"),
    "another code": (b"211 help", "foreign retry", "foreign retry"),
    "a blank line first": (b"\r\n250 OK", "foreign retry", "foreign retry"),
    "two codes": (b"250-a\r\n550 b", "foreign retry", "foreign retry"),
    "a line without end": (b"250 " + b"x" * 20_000, "foreign retry", "foreign retry"),
    "lines without end": (b"250-x\r\n" * 5000, "foreign retry", "foreign retry"),
    "a megabyte in a line": (b"250 " + b"x" * 1_100_000, "foreign retry", "foreign retry"),
}
"""What is said, what it means before the dot, and what after it. Silence after the dot comes of Exchange Online in an
outage although it has taken the message (freescout 5457); a blank line before the 250 is in PHPMailer 1072; 451 PRX2 is
what Exchange Online's front end says of a mailbox server that does not answer it."""


@pytest.mark.parametrize("verb", ["GREETING", "MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize("way", ["smtp", "relay"])
def test_every_reply_of_a_mail_server(ways: dict[str, Send], authorities: Authorities, way: str, verb: str) -> None:
    told, due = {}, {}
    for name, (said, before, after) in REPLIES.items():
        if said is waits and way == "smtp":
            continue  # as the relay, but for TLS, for which there may be too little time
        if said is cuts and verb == "GREETING":
            continue  # whether the connection stood by then is a race
        with SmtpServer(authorities.good, Script({verb: said}, offers_in_clear=(b"STARTTLS",))) as server:
            told[name] = made(ways[way], server.address, 0.3 if said is waits else 5.0)
        due[name] = expected(after) if verb == "DOT" else expected(before, carried=False)
    assert told == due


def test_unexpected_replies_to_a_login(ways: dict[str, Send], authorities: Authorities) -> None:
    told, due = {}, {}
    for name, (said, before, _after) in REPLIES.items():
        if said is waits:
            continue
        for verb in ("STARTTLS", "AUTH"):
            with SmtpServer(authorities.good, Script({verb: said})) as server:
                told[verb, name] = made(ways["smtp"], server.address)
            due[verb, name] = expected(before, carried=False)
    assert told == due


def test_unreachable_token_endpoint_leaves_the_message_unsent(
    other: HttpsServer, message: Message, closed_port: str
) -> None:
    other.routes["/sendMail"] = reply(202)
    sender = sender_of(other.cloud(authority=f"https://{closed_port}"))
    assert made_of(lambda _patience: GraphTransport(TokenSource()).send(message, sender)) == NOTHING_LEFT
    assert other.requests == []
