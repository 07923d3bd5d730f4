"""The control endpoint, used by its client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests

from sandbox import Sandbox
from sandbox.control.client import Control, ControlError
from sandbox.state.models import SandboxApp, SandboxMailbox, SandboxTenant, Secret
from tests.sandbox.conftest import Ask, Customer


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    return Control(sandbox.url, sandbox.ca_file)


def test_customer_created_by_the_client_gets_a_token(control: Control, ask: Ask) -> None:
    tenant = control.directory.add_tenant("Harbour", "harbour.example", ews_enabled=False)
    app = control.directory.add_app(tenant, "ALERT")
    end = datetime.now(UTC) + timedelta(days=9)
    secret = control.directory.add_secret(app, expires_at=end)
    control.directory.grant(app, "Mail.Send")
    mailbox = control.directory.add_mailbox(tenant, "alarms@harbour.example")
    assert [type(one) for one in (tenant, app, secret, mailbox)] == [SandboxTenant, SandboxApp, Secret, SandboxMailbox]
    assert (tenant.ews_enabled, secret.expires_at) == (False, end)
    named = {"tenant": tenant.directory_id, "client_id": app.client_id, "credential": secret.value}
    assert "access_token" in ask(**named)
    control.directory.expire_secret(app, secret)
    assert ask(**named)["error_codes"] == [7000222]


def test_client_reaches_faults_and_ledger(
    control: Control, sandbox: Sandbox, ask: Ask, session: requests.Session, customer: Customer
) -> None:
    control.faults.add(service="token", code=7000222)
    assert ask()["error_codes"] == [7000222]
    assert [(one["kind"], one["code"]) for one in control.ledger.entries()] == [("fault", 7000222)]
    control.faults.add(service="token", status=503, times=None)
    control.faults.clear()
    assert "access_token" in ask()
    assert control.ledger.messages() == []


def test_stored_secret_is_not_returned_again(control: Control, customer: Customer) -> None:
    (stored,) = control.directory.secrets(customer.app)
    assert stored.value is None
    assert stored.hint == (customer.secret.value or "")[:3]


def test_mistake_raises_an_error_with_a_reason(control: Control) -> None:
    with pytest.raises(ControlError, match="no app nowhere"):
        control.directory.grant("nowhere", "Mail.Send")


def test_other_methods_are_not_found(sandbox: Sandbox, session: requests.Session) -> None:
    url = f"{sandbox.url}/_sandbox/directory/password_of"
    assert session.post(url, json={"username": "alert"}, timeout=10).status_code == 404


def test_other_origin_cannot_call_the_endpoint(sandbox: Sandbox, session: requests.Session) -> None:
    url = f"{sandbox.url}/_sandbox/faults/clear"
    assert session.post(url, data="{}", headers={"Content-Type": "text/plain"}, timeout=10).status_code == 415
