"""Kept SMTP connections: reused, replaced when stale, never a reason to send twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mailer.errors import Acceptance, SendError
from mailer.http import deadline_sockets
from mailer.message import Message
from mailer.transports import Login, Sender
from mailer.transports.smtp_pool import MAX_CONNECTIONS, Endpoint, SmtpPool
from mailer.transports.smtp_relay import RelayTransport
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.smtp_server import Script, SmtpServer
from tests.mailer.tcp_server import Cut, Peer

SENDER = Sender("alarms@northpark.example")
DOOR = Endpoint("mail.northpark.example:587", "alarms@northpark.example", "token")
Smtp = Callable[[Script], SmtpServer]


@pytest.fixture
def relay(authorities: Authorities) -> Callable[[SmtpServer], RelayTransport]:
    return lambda server: RelayTransport(
        "localhost", server.port, Login("ada", "swordfish"), ca_file=str(authorities.ca_file)
    )


Relay = Callable[[SmtpServer], RelayTransport]


def test_next_message_uses_the_same_connection(smtp: Smtp, relay: Relay, message: Message) -> None:
    server = smtp(Script())
    transport = relay(server)
    for _message in range(3):
        transport.send(message, SENDER)
    assert server.connections == 1
    assert len(server.messages) == 3
    assert server.verbs().count("AUTH") == 1


@pytest.mark.parametrize(
    "second_mail",
    [b"421 4.4.2 idle for too long", lambda peer: cut(peer)],
    ids=["says that it ends", "was cut"],
)
def test_ended_connection_is_replaced(smtp: Smtp, relay: Relay, message: Message, second_mail: bytes) -> None:
    server = smtp(Script(replies={"MAIL": [b"250 ok", second_mail]}))
    transport = relay(server)
    for _message in range(2):
        transport.send(message, SENDER)
    assert server.connections == 2
    assert len(server.messages) == 2


def test_unreachable_server_is_reported(smtp: Smtp, relay: Relay, message: Message) -> None:
    server = smtp(
        Script(replies={"MAIL": [b"250 ok", lambda peer: cut(peer)], "GREETING": [b"220 ready", b"421 full"]})
    )
    transport = relay(server)
    transport.send(message, SENDER)
    with pytest.raises(SendError) as caught:
        transport.send(message, SENDER)
    assert caught.value.outcome == Acceptance.NOT_SENT
    assert len(server.messages) == 1


def test_message_with_a_lost_answer_is_not_sent_again(smtp: Smtp, relay: Relay, message: Message) -> None:
    server = smtp(Script(replies={"DOT": [b"250 taken", lambda peer: cut(peer)]}))
    transport = relay(server)
    transport.send(message, SENDER)
    with pytest.raises(SendError) as caught:
        transport.send(message, SENDER)
    assert caught.value.outcome == Acceptance.UNKNOWN
    assert (server.connections, len(server.messages)) == (1, 2)


def test_connection_is_replaced_after_a_refusal(smtp: Smtp, relay: Relay, message: Message) -> None:
    server = smtp(Script(replies={"RCPT": [b"250 ok", b"550 5.1.1 unknown", b"250 ok"]}))
    transport = relay(server)
    transport.send(message, SENDER)
    with pytest.raises(SendError, match="unknown"):
        transport.send(message, SENDER)
    transport.send(message, SENDER)
    assert server.connections == 2
    assert server.verbs().count("QUIT") == 1


def test_other_mailbox_or_credential_has_its_own_connection(smtp: Smtp, relay: Relay, message: Message) -> None:
    server = smtp(Script())
    first = relay(server)
    first.send(message, SENDER)
    replace(first, login=Login("bob", "swordfish")).send(message, SENDER)
    assert server.connections == 2


def test_idle_connection_is_closed() -> None:
    lines: SmtpPool[Told] = SmtpPool(idle=0.05)
    line = Told()
    lines.checkin(DOOR, line)
    assert line.parted.wait(5)
    assert lines.checkout(DOOR) is None


def test_connection_is_kept_for_its_endpoint() -> None:
    lines: SmtpPool[Told] = SmtpPool()
    line = Told()
    lines.checkin(DOOR, line)
    for other in (DOOR._replace(server="other:25"), DOOR._replace(user="other"), DOOR._replace(credential="other")):
        assert lines.checkout(other) is None
    assert lines.checkout(DOOR) is line
    assert lines.checkout(DOOR) is None


def test_connections_of_a_deleted_pool_are_closed() -> None:
    lines: SmtpPool[Told] = SmtpPool(idle=0.05)
    line = Told()
    lines.checkin(DOOR, line)
    del lines
    assert line.parted.wait(5)


def test_one_mailbox_has_at_most_three_connections() -> None:
    """With any credentials: Exchange counts the connections of the mailbox."""
    lines: SmtpPool[Told] = SmtpPool()
    inside, most, leave = set[int](), 0, threading.Event()
    counting = threading.Lock()
    full = threading.Event()

    def use(number: int) -> None:
        nonlocal most
        with deadline_sockets.deadline(10), lines.slot(DOOR._replace(credential=str(number))):
            with counting:
                inside.add(number)
                most = max(most, len(inside))
                if len(inside) == MAX_CONNECTIONS:
                    full.set()
            assert leave.wait(10)
            with counting:
                inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        users = [pool.submit(use, number) for number in range(8)]
        assert full.wait(10)
        with deadline_sockets.deadline(0.05), pytest.raises(TimeoutError), lines.slot(DOOR):
            pytest.fail("there was room for a fourth")
        leave.set()
        for user in users:
            user.result()
    assert most == MAX_CONNECTIONS


class Told:
    """A connection that records that it was closed."""

    def __init__(self) -> None:
        self.parted = threading.Event()

    def disconnect(self) -> None:
        self.parted.set()


def cut(peer: Peer) -> bytes:
    raise Cut
