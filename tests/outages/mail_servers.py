"""SMTP submission as Exchange Online has it, a relay without login, and a webhook receiver.

Source: RFC 5321, 3207, 4954; Microsoft, "Authenticate an IMAP, POP or SMTP connection using OAuth".
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from tests.mailer.tcp_server import Cut, Peer
from tests.outages.answers import reply
from tests.outages.endpoints import AnswerNow, Concern, Endpoint, HttpEndpoint, HttpRequest, wait_for_client
from tests.outages.ledger import Acceptance
from tests.outages.microsoft import MailboxStore


@dataclass
class _Session:
    peer: Peer
    is_secure: bool = False
    mailbox: str = ""


class SmtpEndpoint(Endpoint):
    """`submission` requires STARTTLS and XOAUTH2; without it, it is an internal relay."""

    def __init__(
        self, name: str, answer_now: AnswerNow, good: Any, untrusted: Any, store: MailboxStore, *, submission: bool
    ) -> None:
        super().__init__(name, answer_now, good, untrusted)
        self.store, self.submission = store, submission

    def converse(self, peer: Peer) -> None:
        session = _Session(peer)
        self._say(session, "GREETING", b"220 scripted ready")
        while line := peer.reader.readline():
            verb, _, rest = line.rstrip(b"\r\n").decode("latin-1").partition(" ")
            verb = verb.upper()
            if verb == "DATA":
                self._say(session, verb, b"354 go on")
                self._take_message(session)
                continue
            self._say(session, verb, self._usual(session, verb, rest))
            if verb == "STARTTLS":
                self.secure(peer)
                session.is_secure = True
            if verb == "QUIT":
                return

    def _usual(self, session: _Session, verb: str, rest: str) -> bytes:
        match verb:
            case "EHLO":
                offers = ["SIZE 30000000", "8BITMIME", "SMTPUTF8"]
                if self.submission:
                    offers.append("AUTH XOAUTH2" if session.is_secure else "STARTTLS")
                lines = ["scripted", *offers]
                return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"]).encode()
            case "STARTTLS":
                return b"220 2.0.0 SMTP server ready"
            case "AUTH":
                session.mailbox, token = _xoauth2(rest)
                known = session.is_secure and self.store.knows(token)
                return b"235 2.7.0 welcome" if known else b"535 5.7.3 Authentication unsuccessful"
            case "MAIL":
                return b"530 5.7.57 not authenticated" if self.submission and not session.mailbox else b"250 2.1.0 OK"
            case "RCPT":
                recipient = rest.partition("<")[2].partition(">")[0]
                unknown = recipient in self.store.unknown_recipients.get(self.name, ())
                return b"550 5.1.1 User unknown" if unknown else b"250 2.1.5 OK"
            case "QUIT":
                return b"221 2.0.0 bye"
        return b"250 2.0.0 OK"

    def _take_message(self, session: _Session) -> None:
        answer = self.answer_now(self.name, Concern(session.mailbox))
        lines: list[bytes] = []
        while (line := session.peer.reader.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            if answer.ending == "cut before":
                raise Cut
        if not line:
            raise Cut
        if answer.is_well or answer.accepts:
            mime = b"".join(lines)
            self.store.accept(self.name, session.mailbox, mime, hidden=not answer.is_well)
        if answer.ending == "cut after":
            raise Cut
        if answer.ending == "silence":
            wait_for_client(session.peer)
            raise Cut
        self._say(session, "DOT", b"250 2.0.0 queued")

    def _say(self, session: _Session, verb: str, usual: bytes) -> None:
        answer = self.answer_now(self.name, Concern(session.mailbox))
        scripted = answer.smtp is not None and answer.smtp[0] == verb
        session.peer.send((answer.smtp[1] if answer.smtp and scripted else usual) + b"\r\n")
        if scripted and verb != "DOT":
            raise Cut


def _xoauth2(argument: str) -> tuple[str, str]:
    """User and token."""
    proof = base64.b64decode(argument.removeprefix("XOAUTH2 ")).decode()
    found = re.fullmatch("user=(.*)\x01auth=Bearer (.*)\x01\x01", proof)
    return (found[1], found[2]) if found else ("", "")


class WebhookEndpoint(HttpEndpoint):
    """Plain HTTP: a channel trusts only the system's authorities."""

    is_secure = False

    def __init__(self, name: str, answer_now: AnswerNow, good: Any, untrusted: Any, store: MailboxStore) -> None:
        super().__init__(name, answer_now, good, untrusted)
        self.store = store

    def handle(self, request: HttpRequest, *, hidden: bool) -> bytes:
        content = json.loads(request.body)
        self.store.ledger.add(
            Acceptance(
                at=self.store.clock(),
                endpoint=self.name,
                mailbox="",
                recipient="",
                message_id=content["id"],
                date=content["at"],
                was_hidden=hidden,
            )
        )
        return reply(200, b"ok", Content_Type="text/plain")
