"""A mail server with scripted replies that records every line, in clear or over TLS."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.mailer.tcp_server import Cut, Listener, Peer

Reply = bytes | Callable[[Peer], bytes]
"""What is said, or what does it by itself (waits, cuts) and returns what is then said; b"" says nothing."""

OFFERS = (b"SIZE 1000000", b"8BITMIME", b"SMTPUTF8", b"AUTH LOGIN XOAUTH2")


@dataclass
class Heard:
    """One line of a client, or its message; `secured` says whether it came over TLS."""

    text: bytes
    secured: bool


@dataclass
class Script:
    """`replies` are by verb ("EHLO", "AUTH", "DATA", …; "GREETING" and "DOT" too); lists are replied in turn."""

    replies: dict[str, Reply | list[Reply]] = field(default_factory=dict)
    offers: tuple[bytes, ...] = OFFERS
    offers_in_clear: tuple[bytes, ...] = (b"STARTTLS",)
    implicit: bool = False


class SmtpServer(Listener):
    def __init__(self, context: ssl.SSLContext, script: Script) -> None:
        super().__init__()
        self.context = context
        self.script = script
        self.heard: list[Heard] = []
        self.messages: list[bytes] = []

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    def verbs(self) -> list[str]:
        return [line.text.split(b" ")[0].decode("latin-1").upper() for line in self.heard]

    def in_clear(self) -> bytes:
        return b"\n".join(line.text for line in self.heard if not line.secured)

    def converse(self, peer: Peer) -> None:
        secured = self.script.implicit
        if secured:
            peer.secure(self.context)
        self._say(peer, "GREETING", b"220 ready")
        while line := peer.reader.readline():
            text = line.rstrip(b"\r\n")
            self.heard.append(Heard(text, secured))
            verb = text.split(b" ")[0].decode("latin-1").upper()
            if verb == "STARTTLS":
                if self._say(peer, verb, b"220 go ahead").startswith(b"220"):
                    peer.secure(self.context)
                    secured = True
            elif verb == "DATA":
                if self._say(peer, verb, b"354 go on").startswith(b"354"):
                    self._body(peer)
            else:
                self._say(peer, verb, self._usual(verb, secured))
            if verb == "QUIT":
                return

    def _usual(self, verb: str, secured: bool) -> bytes:
        if verb == "EHLO":
            offers = self.script.offers if secured else self.script.offers_in_clear
            lines = [b"scripted", *offers]
            return b"\r\n".join([*(b"250-" + line for line in lines[:-1]), b"250 " + lines[-1]])
        return {"AUTH": b"235 2.7.0 welcome", "QUIT": b"221 bye"}.get(verb, b"250 2.0.0 OK")

    def _body(self, peer: Peer) -> None:
        lines = []
        while (line := peer.reader.readline()) not in (b".\r\n", b""):
            lines.append(line)
        if line == b"":
            raise Cut
        self.messages.append(b"".join(lines))
        self._say(peer, "DOT", b"250 2.0.0 taken")

    def _say(self, peer: Peer, verb: str, usual: bytes) -> bytes:
        told = self.script.replies.get(verb, usual)
        if isinstance(told, list):
            told = told.pop(0) if told else usual
        said = told if isinstance(told, bytes) else told(peer)
        if said:
            peer.send(said + b"\r\n")
        return said
