"""All endpoints together, and the spans of time in which they are not well."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

import trustme

from tests.outages.answers import WELL, ProviderAnswer
from tests.outages.endpoints import Concern, Endpoint
from tests.outages.ledger import AcceptanceLedger
from tests.outages.mail_servers import SmtpEndpoint, WebhookEndpoint
from tests.outages.microsoft import EwsEndpoint, GraphEndpoint, MailboxStore, TokenEndpoint

CLOUD = "scripted"


@dataclass(frozen=True)
class Span:
    """From `begin` until before `end`, at one endpoint; for one mailbox or operation, or for all."""

    endpoint: str
    answer: ProviderAnswer
    begin: datetime
    end: datetime
    mailbox: str = ""
    operation: str = ""

    def covers(self, endpoint: str, concern: Concern, now: datetime) -> bool:
        return (
            self.endpoint == endpoint
            and self.is_now(now)
            and self.mailbox in ("", concern.mailbox)
            and self.operation in ("", concern.operation)
        )

    def is_now(self, now: datetime) -> bool:
        return self.begin <= now < self.end


class Provider:
    """Listens on loopback until closed. `clock` is the time that spans and the ledger go by."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.spans: list[Span] = []
        self.ledger = AcceptanceLedger()
        self.store = MailboxStore(self.ledger, lambda: self.clock())
        ours, theirs = trustme.CA(), trustme.CA()
        tls = (_context(ours), _context(theirs))
        self.token = TokenEndpoint("token", self.answer_now, *tls, self.store)
        self.graph = GraphEndpoint("graph", self.answer_now, *tls, self.store)
        self.ews = EwsEndpoint("ews", self.answer_now, *tls, self.store)
        self.smtp = SmtpEndpoint("smtp", self.answer_now, *tls, self.store, submission=True)
        self.relay = SmtpEndpoint("relay", self.answer_now, *tls, self.store, submission=False)
        self.webhook = WebhookEndpoint("webhook", self.answer_now, *tls, self.store)
        self.endpoints: tuple[Endpoint, ...] = (
            self.token,
            self.graph,
            self.ews,
            self.smtp,
            self.relay,
            self.webhook,
        )
        self.clouds_file = folder / "clouds.toml"
        ours.cert_pem.write_to_path(str(folder / "ca.pem"))
        self.clouds_file.write_text(self._cloud(), encoding="utf-8")

    def answer_now(self, endpoint: str, concern: Concern) -> ProviderAnswer:
        """The first span that covers it counts."""
        now = self.clock()
        return next((span.answer for span in self.spans if span.covers(endpoint, concern, now)), WELL)

    def outage(
        self,
        endpoint: str,
        answer: ProviderAnswer,
        length: timedelta,
        *,
        begin: datetime | None = None,
        mailbox: str = "",
        operation: str = "",
    ) -> None:
        """Begins now by default."""
        start = begin or self.clock()
        self.spans.append(Span(endpoint, answer, start, start + length, mailbox, operation))

    def follow(self) -> None:
        """To be called when time has moved: ports open and close."""
        for endpoint in self.endpoints:
            endpoint.follow()

    def reset(self) -> None:
        """As if nothing had happened."""
        self.spans.clear()
        self.ledger.clear()
        self.store.drafts.clear()
        self.store.forbidden.clear()
        self.store.unknown_recipients.clear()
        self.store.allows_drafts = False

    def __enter__(self) -> Self:
        self.follow()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for endpoint in self.endpoints:
            endpoint.close()

    @contextmanager
    def name_service(self) -> Iterator[None]:
        """Looks up names as always, but for endpoints whose host is not known at the moment."""
        look_up = socket.getaddrinfo

        def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            unknown = {one.port for one in self.endpoints if one.connection_answer == "unknown host"}
            if port in unknown:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return look_up(host, port, *args, **kwargs)

        with patch.object(socket, "getaddrinfo", getaddrinfo):
            yield

    def _cloud(self) -> str:
        entries = {
            "label": "Scripted",
            "authority": f"https://localhost:{self.token.port}",
            "graph": f"https://localhost:{self.graph.port}",
            "ews": f"https://localhost:{self.ews.port}/EWS/Exchange.asmx",
            "smtp": f"localhost:{self.smtp.port}",
            "exchange_resource": "https://outlook.office365.com",
            "graph_resource": "https://graph.microsoft.com",
            "ca_file": "ca.pem",
        }
        return "\n".join([f"[{CLOUD}]", *(f'{name} = "{value}"' for name, value in entries.items()), ""])


def _context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context
