"""Replies of a scripted mail server that misbehaves."""

from __future__ import annotations

import base64
from collections.abc import Callable

from tests.mailer.smtp_server import Script, SmtpServer
from tests.mailer.tcp_server import Cut, Peer

Make = Callable[[Script], SmtpServer]


def silent(peer: Peer) -> bytes:
    """Wait until the client disconnects."""
    peer.reader.read(1)
    return b""


def cuts(peer: Peer) -> bytes:
    raise Cut


def closes(peer: Peer) -> bytes:
    peer.shut()
    return b""


def credentials(server: SmtpServer) -> bytes:
    """The decoded credentials of the login."""
    (line,) = [line.text for line in server.heard if b"dXNlcj" in line.text]
    return base64.b64decode(line.split(b" ")[-1])
