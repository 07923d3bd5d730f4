"""A sandbox with one customer, and real clients that trust its CA."""

from __future__ import annotations

import smtplib
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msal
import pytest
import requests

from sandbox import Sandbox
from sandbox.state.models import MAIL_PERMISSIONS, SandboxApp, SandboxMailbox, SandboxTenant, Secret

EXCHANGE_SCOPE = "https://outlook.office365.com/.default"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"


@dataclass
class Customer:
    tenant: SandboxTenant
    app: SandboxApp
    secret: Secret
    mailbox: SandboxMailbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def customer(sandbox: Sandbox) -> Customer:
    """A tenant with an app, a valid secret, a mailbox and all permissions granted."""
    tenant = sandbox.directory.add_tenant("Northpark Energy", "northpark.example")
    app = sandbox.directory.add_app(tenant, "ALERT")
    secret = sandbox.directory.add_secret(app)
    for permission in MAIL_PERMISSIONS:
        sandbox.directory.grant(app, permission)
    return Customer(tenant, app, secret, sandbox.directory.add_mailbox(tenant, "alarms@northpark.example"))


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[requests.Session]:
    with requests.Session() as session:
        # An environment's REQUESTS_CA_BUNDLE would silently take the place of `verify`.
        session.trust_env = False
        session.verify = str(sandbox.ca_file)
        yield session


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(sandbox: Sandbox, customer: Customer, session: requests.Session) -> Ask:
    """Requests a token with msal; returns its answer or error."""

    def asked(
        scope: str = GRAPH_SCOPE, credential: Any = None, tenant: str | None = None, client_id: str | None = None
    ) -> dict[str, Any]:
        app = msal.ConfidentialClientApplication(
            client_id or customer.app.client_id,
            client_credential=credential or customer.secret.value,
            authority=f"{sandbox.url}/{tenant or customer.tenant.directory_id}",
            instance_discovery=False,
            http_client=session,
        )
        answer: dict[str, Any] = app.acquire_token_for_client([scope])
        return answer

    return asked


@pytest.fixture
def graph_token(ask: Ask) -> str:
    return str(ask(GRAPH_SCOPE)["access_token"])


@pytest.fixture
def exchange_token(ask: Ask) -> str:
    return str(ask(EXCHANGE_SCOPE)["access_token"])


@pytest.fixture
def submission(sandbox: Sandbox) -> Iterator[smtplib.SMTP]:
    """A client of SMTP submission after STARTTLS."""
    with smtplib.SMTP(sandbox.smtp_host, sandbox.smtp_port, timeout=10) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(sandbox.ca_file)))
        client.ehlo()
        yield client


def xoauth2(user: str, token: str) -> str:
    return b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode()).decode()


def mime(subject: str = "Pump 3 stopped", message_id: str = "<pump-3@northpark.example>", **headers: str) -> bytes:
    lines = {
        "From": "ALERT <alarms@northpark.example>",
        "To": "oncall@northpark.example",
        "Subject": subject,
        "Message-ID": message_id,
        **headers,
    }
    head = "\r\n".join(f"{name}: {value}" for name, value in lines.items())
    return f"{head}\r\n\r\nPump 3 stopped at 04:12.\r\n".encode()
