"""SMTP client submission as smtp.office365.com: STARTTLS, XOAUTH2, sending only as the authenticated mailbox.

Source: Microsoft, "Authenticate an IMAP, POP or SMTP connection using OAuth"; replies quoted in public issue threads.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import Any

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope

from sandbox.entra.tokens import Claims, TokenRefused
from sandbox.ews.ews_endpoint import AUDIENCES
from sandbox.faults import Fault
from sandbox.smtp.relay import Relay, SmtpContext
from sandbox.state.mail_facts import message_headers
from sandbox.state.models import SandboxMailbox

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


class Submission(Relay):
    """Requires STARTTLS and XOAUTH2, and sends only as the authenticated mailbox."""

    service = "smtp"

    def __init__(self, context: SmtpContext) -> None:
        self.mailbox: SandboxMailbox | None = None
        self.who: dict[str, Any] = {}
        super().__init__(context)

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
        await self.append_to_ledger("refused", status=550, code="5.7.30", mailbox=None)
        await self.push(NO_BASIC.format(host=_host()))

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        if len(args) == 1:
            answer = await self.challenge_auth("", encode_to_b64=False)
        else:
            answer = _base64(args[1])
        if answer is MISSING:
            return AuthResult(success=False, handled=True)
        user, token = _xoauth2(answer)
        fault = self.context.faults.take(self.service, user, "auth")
        if fault and (reply := await self.auth_fault(fault)) is not None:
            return AuthResult(success=False, handled=False, message=reply)
        refusal = self.log_in(user, token)
        if refusal is None:
            return AuthResult(success=True, message="235 2.7.0 Authentication successful")
        await self.append_to_ledger("refused", status=535, code=refusal.split()[1], mailbox=user)
        return AuthResult(success=False, handled=False, message=refusal)

    async def auth_fault(self, fault: Fault) -> str | None:
        """Apply a fault. A JSON body is sent as a 334 challenge before the refusal, as SASL XOAUTH2 allows."""
        if isinstance(fault.body, dict) and await self.challenge_auth(json.dumps(fault.body)) is MISSING:
            return UNSUCCESSFUL.format(host=_host())
        return await self.fault_reply(fault)

    def log_in(self, user: str, token: str) -> str | None:
        """The refusal, or None. Exchange's reply is the same for a bad token, a missing role and an unknown mailbox."""
        unsuccessful = UNSUCCESSFUL.format(host=_host())
        try:
            claims = self.context.tokens.read_token(token)
        except TokenRefused:
            return unsuccessful
        mailbox = self.context.directory.find_mailbox(user, claims["tid"])
        if claims["aud"] not in AUDIENCES or mailbox is None:
            return unsuccessful
        if "scp" in claims:
            return self.admit(mailbox, claims) if claims["oid"] == mailbox.object_id else unsuccessful
        scoped = self.context.directory.scoped_mailboxes(claims["appid"], claims["tid"], "SMTP.SendAsApp")
        if "SMTP.SendAsApp" not in claims.get("roles", []) and mailbox.address.lower() not in (scoped or []):
            return unsuccessful
        return self.admit(mailbox, claims)

    def admit(self, mailbox: SandboxMailbox, claims: Claims) -> str | None:
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
    """User and token of `user=...^Aauth=Bearer ...^A^A`; empty if missing."""
    parts = dict(part.partition("=")[::2] for part in answer.decode("utf-8", "replace").split("\x01") if part)
    kind, _, token = parts.get("auth", "").partition(" ")
    return parts.get("user", ""), token.strip() if kind.lower() == "bearer" else ""
