"""An SMTP relay, as the mail server of an organization: it accepts all mail and requires no login."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.entra.tokens import Tokens
from sandbox.faults import Fault, Faults, Stage
from sandbox.ledger import Ledger
from sandbox.smtp.event_loop import MailLoop, cut
from sandbox.state.directory import Directory
from sandbox.state.mail_facts import ledger_facts

LOGGER = logging.getLogger(__name__)
# aiosmtpd logs every line it receives, including tokens.
logging.getLogger("mail.log").setLevel(logging.ERROR)
MAX_MESSAGE_BYTES = 157286400
LONGEST_LINE = 65536
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


@dataclass(frozen=True, slots=True)
class SmtpContext:
    """Shared by the SMTP servers: directory, tokens, faults, ledger, TLS context and event loop."""

    directory: Directory
    tokens: Tokens
    faults: Faults
    ledger: Ledger
    context: ssl.SSLContext
    loop: MailLoop


class Relay(SMTP):
    """Accepts any mail from any client. Offers STARTTLS, requires no login."""

    service = "relay"
    # An access token in one line of AUTH is longer than RFC 5321 allows.
    line_length_limit = LONGEST_LINE

    def __init__(self, context: SmtpContext, **options: Any) -> None:
        self.context = context
        super().__init__(
            self,
            hostname="localhost",
            ident="Microsoft ESMTP MAIL Service ready",
            data_size_limit=MAX_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
            tls_context=context.context,
            loop=asyncio.get_running_loop(),
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            **options,
        )
        # aiosmtpd stores these limits in the class, so one connection's EHLO would change another's.
        self.command_size_limits = defaultdict(lambda: LONGEST_LINE)

    def connection_lost(self, error: Exception | None) -> None:
        self.context.loop.remove(self)
        super().connection_lost(error)

    async def handle_exception(self, error: Exception) -> str:
        LOGGER.error("The sandbox failed at an SMTP command", exc_info=error)
        return "451 4.3.0 The sandbox failed"

    async def _handle_client(self) -> None:
        if (reply := await self.apply_fault("connect", None)) is not None:
            await self.push(reply)
            if self.transport is not None:
                self.transport.close()
            return
        await super()._handle_client()

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        offers = [f"{self.hostname} Hello [127.0.0.1]", f"SIZE {MAX_MESSAGE_BYTES}", *self.security(), "8BITMIME"]
        return [*(f"250-{offer}" for offer in (*offers, "ENHANCEDSTATUSCODES")), "250 SMTPUTF8"]

    def security(self) -> list[str]:
        return [] if self._tls_protocol else ["STARTTLS"]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (reply := await self.apply_fault("mail", address)) is not None:
            return reply
        if (reply := self.refuse_sender(address)) is not None:
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (reply := await self.apply_fault("rcpt", address)) is not None:
            return reply
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mailbox = envelope.mail_from or ""
        fault = self.context.faults.take(self.service, mailbox)
        if fault and fault.taken:
            await self.accept(envelope)
        if fault and fault.reset != "after" and (reply := await self.fault_reply(fault)) is not None:
            return reply
        reply = await self.accept(envelope)
        if fault and fault.reset == "after":
            await self.pause(fault)
            raise self.reset_connection()
        return reply

    async def accept(self, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        if (reply := self.refuse_content(content)) is not None:
            await self.append_to_ledger(
                "refused", status=int(reply[:3]), code=reply[4:].split(" ")[0], mailbox=envelope.mail_from
            )
            return reply
        facts = ledger_facts(content, self.mailbox_of(envelope), envelope.rcpt_tos)
        entry = await self.append_to_ledger("message", **facts, **self.sender_facts(), mail_from=envelope.mail_from)
        return f"250 2.0.0 OK {entry['message_id']} [Hostname=localhost]"

    # Overridden by the server with a login

    def refuse_sender(self, address: str) -> str | None:
        return None

    def refuse_content(self, content: bytes) -> str | None:
        return None

    def mailbox_of(self, envelope: Envelope) -> str:
        return envelope.mail_from or ""

    def sender_facts(self) -> dict[str, Any]:
        return {"tls": self._tls_protocol is not None}

    # Scripted faults

    async def apply_fault(self, stage: Stage, mailbox: str | None) -> str | None:
        """The reply of a matching fault, or None to continue."""
        fault = self.context.faults.take(self.service, mailbox, stage)
        return await self.fault_reply(fault) if fault else None

    async def fault_reply(self, fault: Fault) -> str | None:
        await self.pause(fault)
        if fault.reset:
            raise self.reset_connection()
        if fault.status is None:
            return None
        text = fault.body if isinstance(fault.body, str) else REPLIES.get(fault.status, "4.3.0 Try again later")
        return f"{fault.status} {text}"

    async def pause(self, fault: Fault) -> None:
        if fault.delay and await asyncio.to_thread(self.context.faults.wait, fault):
            raise self.reset_connection()

    def reset_connection(self) -> asyncio.CancelledError:
        """Reset the connection; the caller raises the returned exception to end the session without a reply."""
        cut(self)
        return asyncio.CancelledError()

    async def append_to_ledger(self, kind: str, **facts: Any) -> dict[str, Any]:
        """Append in a thread, since the ledger waits for the disk."""
        return await asyncio.to_thread(self.context.ledger.append, kind, self.service, **facts)
