"""One sandbox for all tests of the package, a new customer for each test, and scripted servers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mailer.clouds import Cloud
from mailer.clouds_config import load_clouds
from mailer.errors import SendError
from mailer.message import Message
from mailer.tokens import AppIdentity, ClientSecret, TokenSource, acquire
from mailer.transports import Sender, Transport
from sandbox import Sandbox
from sandbox.state.models import MAIL_PERMISSIONS, SandboxApp, SandboxMailbox, SandboxTenant, Secret
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.https_server import HttpsServer, reply
from tests.mailer.smtp_server import Script, SmtpServer


@pytest.fixture(scope="session")
def mailer_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("mailer-sandbox"), fsync=False) as running:
        yield running


@pytest.fixture
def sandbox(mailer_sandbox: Sandbox) -> Iterator[Sandbox]:
    mailer_sandbox.faults.clear()
    yield mailer_sandbox
    mailer_sandbox.faults.clear()


@dataclass(frozen=True)
class Customer:
    tenant: SandboxTenant
    app: SandboxApp
    secret: Secret
    mailbox: SandboxMailbox
    cloud: Cloud

    @property
    def identity(self) -> AppIdentity:
        assert self.secret.value is not None
        return AppIdentity(self.cloud, self.tenant.directory_id, self.app.client_id, ClientSecret(self.secret.value))

    @property
    def sender(self) -> Sender:
        return Sender(self.mailbox.address, self.identity)


@pytest.fixture
def cloud(sandbox: Sandbox) -> Cloud:
    return load_clouds(sandbox.clouds_file)["lab"]


@pytest.fixture
def customer(sandbox: Sandbox, cloud: Cloud) -> Customer:
    """A tenant with an app, a valid secret, a mailbox and all permissions granted."""
    domain = f"{uuid.uuid4().hex[:12]}.example"
    with sandbox.directory.batch():
        tenant = sandbox.directory.add_tenant("Northpark Energy", domain)
        app = sandbox.directory.add_app(tenant, "ALERT")
        secret = sandbox.directory.add_secret(app)
        for permission in MAIL_PERMISSIONS:
            sandbox.directory.grant(app, permission)
        mailbox = sandbox.directory.add_mailbox(tenant, f"alarms@{domain}")
    return Customer(tenant, app, secret, mailbox, cloud)


@pytest.fixture
def tokens() -> TokenSource:
    return TokenSource()


@pytest.fixture
def message() -> Message:
    return Message(
        subject="Pompe 3 arrêtée",
        text="Arrêt à 04:12\n",
        to=("oncall@northpark.example",),
        message_id=f"<{uuid.uuid4()}@northpark.example>",
        date=datetime(2026, 11, 23, 4, 12, tzinfo=UTC),
    )


Arrived = Callable[[Message], list[dict[str, Any]]]


@pytest.fixture
def arrived(sandbox: Sandbox) -> Arrived:
    """The ledger's entries of a message, to check that it was never sent twice."""
    return lambda message: sandbox.ledger.messages(message.message_id)


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return Authorities.make(tmp_path_factory.mktemp("authorities"))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def other(authorities: Authorities, stack: ExitStack) -> HttpsServer:
    """A scripted Microsoft that issues opaque tokens and accepts everything."""
    server = stack.enter_context(HttpsServer(authorities.good, authorities.ca_file))
    server.routes.update(
        {
            "openid-configuration": lambda request: reply(200, discovery(server))(request),
            "/token": reply(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": "opaque-7f3a"}),
            "/sendMail": reply(202),
        }
    )
    return server


def discovery(server: HttpsServer, **changes: Any) -> dict[str, Any]:
    """The minimal document for OpenID Connect Discovery and msal."""
    doors = f"{server.url}/11111111-2222-3333-4444-555555555555"
    return {
        "issuer": f"{doors}/v2.0",
        "authorization_endpoint": f"{doors}/oauth2/v2.0/authorize",
        "token_endpoint": f"{doors}/oauth2/v2.0/token",
        **changes,
    }


SECRET = "8Q~a-secret-that-must-never-be-shown-again"


def app_of(cloud: Cloud, secret: str = SECRET) -> AppIdentity:
    return AppIdentity(cloud, "customer.example", "6f1d1b1e-0d4e-4ad4-8a55-3ad6f1e1a001", ClientSecret(secret))


def sender_of(cloud: Cloud) -> Sender:
    return Sender("alarms@customer.example", app_of(cloud))


@pytest.fixture
def smtp(authorities: Authorities, stack: ExitStack) -> Callable[[Script], SmtpServer]:
    return lambda script: stack.enter_context(SmtpServer(authorities.good, script))


def failing(transport: Transport, message: Message, sender: Sender) -> SendError:
    """The error of a send."""
    with pytest.raises(SendError) as caught:
        transport.send(message, sender)
    return caught.value


def addressed(message: Message, *to: str, **changes: Any) -> Message:
    return replace(message, to=to, **changes)


def token_error(app: AppIdentity, scope: str | None = None, timeout: float = 10) -> SendError:
    """The error that a request for a token ends in."""
    with pytest.raises(SendError) as caught:
        acquire(app, scope or app.cloud.graph_scope, timeout=timeout)
    return caught.value


def jwt(payload: str) -> str:
    """An unsigned token with this payload."""
    from base64 import urlsafe_b64encode

    return f"eyJhbGciOiJub25lIn0.{urlsafe_b64encode(payload.encode()).decode().rstrip('=')}.x"
