"""The same messages without an outbox: one thread, one open connection, one library, no rows."""

from __future__ import annotations

import base64
import smtplib
import ssl
from collections.abc import Sequence
from typing import Any

import exchangelib
import requests
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
from exchangelib.protocol import BaseProtocol
from exchangelib.version import EXCHANGE_O365
from requests.adapters import HTTPAdapter

from benchmarks.sandbox_process import Site
from mailer.tokens import acquire


class BareGraph:
    """Send by requests, in a session with keep-alive."""

    def __init__(self, site: Site) -> None:
        token = acquire(site.app, site.app.cloud.graph_scope)
        self._url = f"{site.app.cloud.graph}/v1.0/users/{site.address}/sendMail"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = site.ca_file
        self._session.headers.update({"Authorization": f"Bearer {token.value}", "Content-Type": "text/plain"})

    def send(self, messages: Sequence[tuple[str, bytes]]) -> None:
        for _recipient, mime in messages:
            self._session.post(self._url, data=base64.b64encode(mime), timeout=30).raise_for_status()


class BareEws:
    """Send by exchangelib, in one account, which keeps its connection. Its trusted authorities are set per process."""

    def __init__(self, site: Site) -> None:
        class Trusting(HTTPAdapter):
            def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
                super().cert_verify(conn, url, site.ca_file, cert)  # type: ignore[no-untyped-call]

        BaseProtocol.HTTP_ADAPTER_CLS = Trusting
        token = acquire(site.app, site.app.cloud.exchange_scope)
        grant = {"access_token": token.value, "token_type": "Bearer", "expires_at": token.expires_at.timestamp()}
        self._account = exchangelib.Account(
            site.address,
            config=exchangelib.Configuration(
                service_endpoint=site.app.cloud.ews,
                credentials=OAuth2AuthorizationCodeCredentials(access_token=grant),
                auth_type=exchangelib.OAUTH2,
                version=exchangelib.Version(EXCHANGE_O365),
            ),
            autodiscover=False,
            access_type=exchangelib.IMPERSONATION,
            default_timezone=exchangelib.EWSTimeZone("UTC"),
        )

    def send(self, messages: Sequence[tuple[str, bytes]]) -> None:
        for _recipient, mime in messages:
            exchangelib.Message(account=self._account, mime_content=mime).send(save_copy=False)


class BareSmtp:
    """Send by smtplib: one login for all messages."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._token = acquire(site.app, site.app.cloud.exchange_scope).value

    def send(self, messages: Sequence[tuple[str, bytes]]) -> None:
        host, _, port = self._site.app.cloud.smtp.rpartition(":")
        with smtplib.SMTP(host, int(port), "[127.0.0.1]", 30) as client:
            client.starttls(context=ssl.create_default_context(cafile=self._site.ca_file))
            proof = f"user={self._site.address}\x01auth=Bearer {self._token}\x01\x01".encode()
            client.ehlo()
            client.docmd("AUTH", f"XOAUTH2 {base64.b64encode(proof).decode()}")
            for recipient, mime in messages:
                client.sendmail(self._site.address, [recipient], mime)
