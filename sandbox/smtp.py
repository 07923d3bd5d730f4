"""SMTP: client submission as smtp.office365.com does it, and a plain relay as a customer's own mail server is.

Source: Microsoft, "Authenticate an IMAP, POP or SMTP connection using OAuth"; replies quoted in public issue threads.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import ssl
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import Any

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, Session

from sandbox.directory import Directory
from sandbox.ews import AUDIENCES
from sandbox.faults import Fault, Faults, Stage
from sandbox.ledger import Ledger
from sandbox.mail import ledger_facts, message_headers
from sandbox.mail_loop import MailLoop, cut
from sandbox.records import Mailbox
from sandbox.tokens import TokenRefused, Tokens

LOGGER = logging.getLogger(__name__)
# aiosmtpd logs every line it gets, tokens too.
logging.getLogger("mail.log").setLevel(logging.ERROR)
LARGEST_MESSAGE = 157286400
LONGEST_LINE = 65536
UNSUCCESSFUL = "535 5.7.3 Authentication unsuccessful [{host}]"
DISABLED = (
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. "
    "Visit https://aka.ms/smtp_auth_disabled for more information. [{host}]"
)
NO_BASIC = "550 5.7.30 Basic authentication is not supported for Client Submission. [{host}]"
SEND_AS_DENIED = (
    "554 5.2.252 SendAsDenied; {mailbox} not allowed to send as {sender}; STOREDRV.Submission.Exception:"
    "SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with "
    "message [BeginDiagnosticData]Cannot submit message.[EndDiagnosticData] [Hostname={host}]"
)
REPLIES = {
    421: "4.3.2 Service not available",
    432: "4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.",
    451: "4.7.500 Server busy. Please try again later.",
    452: "4.5.3 Too many recipients",
    535: "5.7.3 Authentication unsuccessful",
    550: "5.1.1 RESOLVER.ADR.RecipNotFound; not found",
    552: "5.3.4 Message size exceeds fixed maximum message size",
    554: "5.2.0 STOREDRV.Submission.Exception; Failed to process message",
}


class MailDoors:
    """What both SMTP doors share: where mail goes, which faults are due, and the thread they live in."""

    def __init__(
        self, directory: Directory, tokens: Tokens, faults: Faults, ledger: Ledger, context: ssl.SSLContext
    ) -> None:
        self.directory = directory
        self.tokens = tokens
        self.faults = faults
        self.ledger = ledger
        self.context = context
        self.loop = MailLoop()

    def listen(self, submission_port: int, relay_port: int) -> tuple[int, int]:
        return (
            self.loop.serve(lambda: Submission(self), submission_port),
            self.loop.serve(lambda: Relay(self), relay_port),
        )


class Relay(SMTP):
    """Takes any mail from anyone; STARTTLS is offered, no login is asked for."""

    door = "relay"
    # An access token comes on one line of AUTH, far longer than RFC 5321 knows.
    line_length_limit = LONGEST_LINE

    def __init__(self, doors: MailDoors, **options: Any) -> None:
        self.doors = doors
        super().__init__(
            self,
            hostname="localhost",
            ident="Microsoft ESMTP MAIL Service ready",
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            tls_context=doors.context,
            loop=asyncio.get_running_loop(),
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            **options,
        )
        # aiosmtpd keeps these limits for the class: one connection's EHLO would change another's.
        self.command_size_limits = defaultdict(lambda: LONGEST_LINE)

    def connection_lost(self, error: Exception | None) -> None:
        self.doors.loop.forget(self)
        super().connection_lost(error)

    async def handle_exception(self, error: Exception) -> str:
        LOGGER.error("The sandbox failed at an SMTP command", exc_info=error)
        return "451 4.3.0 The sandbox failed"

    async def _handle_client(self) -> None:
        if (reply := await self.trouble("connect", None)) is not None:
            await self.push(reply)
            if self.transport is not None:
                self.transport.close()
            return
        await super()._handle_client()

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        offers = [f"{self.hostname} Hello [127.0.0.1]", f"SIZE {LARGEST_MESSAGE}", *self.security(), "8BITMIME"]
        return [*(f"250-{offer}" for offer in (*offers, "ENHANCEDSTATUSCODES")), "250 SMTPUTF8"]

    def security(self) -> list[str]:
        return [] if self._tls_protocol else ["STARTTLS"]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (reply := await self.trouble("mail", address)) is not None:
            return reply
        if (reply := self.refuse_sender(address)) is not None:
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (reply := await self.trouble("rcpt", address)) is not None:
            return reply
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mailbox = envelope.mail_from or ""
        fault = self.doors.faults.take(self.door, mailbox)
        if fault and fault.reset != "after" and (reply := await self.suffer(fault)) is not None:
            return reply
        reply = await self.accept(envelope)
        if fault and fault.reset == "after":
            await self.pause(fault)
            raise self.severed()
        return reply

    async def accept(self, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        if (reply := self.refuse_content(content)) is not None:
            await self.in_thread(
                "refused", status=int(reply[:3]), code=reply[4:].split(" ")[0], mailbox=envelope.mail_from
            )
            return reply
        facts = ledger_facts(content, self.mailbox_of(envelope), envelope.rcpt_tos)
        entry = await self.in_thread("message", **facts, **self.sender_facts(), mail_from=envelope.mail_from)
        return f"250 2.0.0 OK {entry['message_id']} [Hostname=localhost]"

    # What a door with a login does otherwise

    def refuse_sender(self, address: str) -> str | None:
        return None

    def refuse_content(self, content: bytes) -> str | None:
        return None

    def mailbox_of(self, envelope: Envelope) -> str:
        return envelope.mail_from or ""

    def sender_facts(self) -> dict[str, Any]:
        return {"tls": self._tls_protocol is not None}

    # Trouble on request

    async def trouble(self, stage: Stage, mailbox: str | None) -> str | None:
        """The reply that a fault of this stage asks for, or None to go on."""
        fault = self.doors.faults.take(self.door, mailbox, stage)
        return await self.suffer(fault) if fault else None

    async def suffer(self, fault: Fault) -> str | None:
        await self.pause(fault)
        if fault.reset:
            raise self.severed()
        if fault.status is None:
            return None
        text = fault.body if isinstance(fault.body, str) else REPLIES.get(fault.status, "4.3.0 Try again later")
        return f"{fault.status} {text}"

    async def pause(self, fault: Fault) -> None:
        if fault.delay:
            await asyncio.to_thread(self.doors.faults.closing.wait, fault.delay)

    def severed(self) -> asyncio.CancelledError:
        """Cuts the connection; what is returned, raised, ends its conversation without a word."""
        cut(self)
        return asyncio.CancelledError()

    async def in_thread(self, kind: str, **facts: Any) -> dict[str, Any]:
        """The ledger waits for the disk: not in the loop that serves everyone."""
        return await asyncio.to_thread(self.doors.ledger.append, kind, self.door, **facts)


class Submission(Relay):
    """smtp.office365.com: STARTTLS, then XOAUTH2, then only as the mailbox that logged in."""

    door = "smtp"

    def __init__(self, doors: MailDoors) -> None:
        self.mailbox: Mailbox | None = None
        self.who: dict[str, Any] = {}
        super().__init__(doors)

    def security(self) -> list[str]:
        return ["AUTH LOGIN XOAUTH2"] if self._tls_protocol else ["STARTTLS"]

    async def smtp_AUTH(self, arg: str) -> None:
        if not self._tls_protocol:
            await self.push("504 5.7.4 Unrecognized authentication type")
        elif arg and arg.split()[0].upper() in ("LOGIN", "PLAIN"):
            await self.refuse_password(arg.upper())
        else:
            await super().smtp_AUTH(f"{arg[:7].upper()}{arg[7:]}" if arg else arg)

    async def refuse_password(self, arg: str) -> None:
        mechanism, _, initial = arg.partition(" ")
        prompts = ["Username:", "Password:"] if mechanism == "LOGIN" else [""]
        for prompt in prompts[1:] if initial and mechanism == "LOGIN" else prompts[: 0 if initial else None]:
            if await self.challenge_auth(prompt) is MISSING:
                return
        await self.in_thread("refused", status=550, code="5.7.30", mailbox=None)
        await self.push(NO_BASIC.format(host=_host()))

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        if len(args) == 1:
            answer = await self.challenge_auth("", encode_to_b64=False)
        else:
            answer = _base64(args[1])
        if answer is MISSING:
            return AuthResult(success=False, handled=True)
        user, token = _xoauth2(answer)
        fault = self.doors.faults.take(self.door, user, "auth")
        if fault and (reply := await self.auth_trouble(fault)) is not None:
            return AuthResult(success=False, handled=False, message=reply)
        refusal = self.log_in(user, token)
        if refusal is None:
            return AuthResult(success=True, message="235 2.7.0 Authentication successful")
        await self.in_thread("refused", status=535, code=refusal.split()[1], mailbox=user)
        return AuthResult(success=False, handled=False, message=refusal)

    async def auth_trouble(self, fault: Fault) -> str | None:
        """A JSON body is sent as a 334 challenge before the refusal, as SASL XOAUTH2 allows and other servers do."""
        if isinstance(fault.body, dict) and await self.challenge_auth(json.dumps(fault.body)) is MISSING:
            return UNSUCCESSFUL.format(host=_host())
        return await self.suffer(fault)

    def log_in(self, user: str, token: str) -> str | None:
        """The refusal, or None. Exchange says the same of a bad token, a missing role and an unknown mailbox."""
        unsuccessful = UNSUCCESSFUL.format(host=_host())
        try:
            claims = self.doors.tokens.read_token(token)
        except TokenRefused:
            return unsuccessful
        mailbox = self.doors.directory.find_mailbox(user, claims["tid"])
        if claims["aud"] not in AUDIENCES or mailbox is None:
            return unsuccessful
        scoped = self.doors.directory.scoped_mailboxes(claims["appid"], claims["tid"], "SMTP.SendAsApp")
        if "SMTP.SendAsApp" not in claims.get("roles", []) and mailbox.address.lower() not in (scoped or []):
            return unsuccessful
        if not mailbox.smtp_auth_enabled:
            return DISABLED.format(host=_host())
        self.mailbox = mailbox
        self.who = {"client_id": claims["appid"], "tenant": claims["tid"]}
        return None

    async def check_auth_needed(self, caller_method: str) -> bool:
        if self.mailbox is None:
            await self.push(f"530 5.7.57 Client not authenticated to send mail. [{_host()}]")
            return True
        return False

    def allowed(self) -> set[str]:
        return {self.mailbox.address.lower(), *self.mailbox.send_as} if self.mailbox else set()

    def refuse_sender(self, address: str) -> str | None:
        if address.lower() in self.allowed():
            return None
        return f"550 5.7.60 SMTP; Client does not have permissions to send as this sender [Hostname={_host()}]"

    def refuse_content(self, content: bytes) -> str | None:
        headers = message_headers(message_from_bytes(content, policy=policy.compat32))
        sender = parseaddr(headers.get("from", ""))[1]
        if not sender or sender.lower() in self.allowed():
            return None
        mailbox = self.mailbox.address if self.mailbox else ""
        return SEND_AS_DENIED.format(mailbox=mailbox, sender=sender, host=_host())

    def mailbox_of(self, envelope: Envelope) -> str:
        return self.mailbox.address if self.mailbox else ""

    def sender_facts(self) -> dict[str, Any]:
        return {**super().sender_facts(), **self.who}


def _host() -> str:
    return f"SANDBOX.localhost {datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + f"Z {uuid.uuid4().hex[:16].upper()}"


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _xoauth2(answer: bytes) -> tuple[str, str]:
    """user and token of `user=...^Aauth=Bearer ...^A^A`; empty where they are missing."""
    parts = dict(part.partition("=")[::2] for part in answer.decode("utf-8", "replace").split("\x01") if part)
    kind, _, token = parts.get("auth", "").partition(" ")
    return parts.get("user", ""), token.strip() if kind.lower() == "bearer" else ""
