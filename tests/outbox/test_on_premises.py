"""A mailbox on premises sends by a login at a server that the operator named, and carries reminders too."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from alertadmin.crypto import reencryption
from alertadmin.outbox import worker
from alertadmin.outbox.models import DeliveryState
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.models import LoginKind, Mailbox
from alertadmin.registry.permissions import TransportName
from alertadmin.reminders.scan import scanner
from mailer.coded_text import english
from sandbox import Sandbox
from tests.factories import Rows

PASSWORD = "Winter-2026-at-the-plant"


@pytest.fixture
def mailbox(sandbox: Sandbox, rows: Rows) -> Mailbox:
    """Of a customer without any app; the server knows the login and the mailbox."""
    tenant = rows.tenant("Plant", contacts=["duty@plant.example"])
    there = sandbox.directory.add_tenant("Plant", f"{tenant.pk.hex[:8]}.example")
    address = f"alarms@{there.domain}"
    sandbox.directory.add_mailbox(there, address)
    sandbox.directory.add_login(f"PLANT\\svc-{there.domain}", PASSWORD)
    mailbox = Mailbox(
        tenant=tenant,
        address=address,
        transport=TransportName.EWS,
        server="onprem",
        username=f"PLANT\\svc-{there.domain}",
    )
    mailbox.password = PASSWORD
    mailbox.full_clean()
    mailbox.save()
    return mailbox


@pytest.mark.parametrize("kind", LoginKind)
def test_a_test_send_crosses_ews_with_the_login(
    mailbox: Mailbox, sandbox: Sandbox, rows: Rows, kind: LoginKind
) -> None:
    mailbox.login_kind = kind
    mailbox.password = PASSWORD
    mailbox.save()
    delivery = test_send.create(mailbox, "me@plant.example", now=rows.now)
    worker.deliver_due(only=delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENT, delivery.reason
    (message,) = [one for one in sandbox.ledger.messages() if one["message_id"] == delivery.message_id]
    assert (message["service"], message["login"]) == ("ews", mailbox.username)


def test_a_wrong_password_is_told_without_the_password(mailbox: Mailbox, rows: Rows) -> None:
    mailbox.login_kind = LoginKind.BASIC
    mailbox.password = "wrong"
    mailbox.save()
    delivery = test_send.create(mailbox, "me@plant.example", now=rows.now)
    worker.deliver_due(only=delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.FAILED
    assert "wrong" not in delivery.reason


def test_a_server_that_the_operators_file_no_longer_names_is_said(mailbox: Mailbox, rows: Rows) -> None:
    Mailbox.objects.update(server="gone")
    mailbox.refresh_from_db()
    delivery = test_send.create(mailbox, "me@plant.example", now=rows.now)
    worker.deliver_due(only=delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.FAILED
    assert "ALERTADMIN_CLOUDS_FILE" in english(delivery.reason)


def test_reminders_leave_by_it_when_no_app_can_send(mailbox: Mailbox, sandbox: Sandbox, rows: Rows) -> None:
    rows.credential(rows.app(mailbox.tenant), days=-1)
    scanner.run(rows.now)
    outcomes = worker.deliver_due()
    assert outcomes == {"sent": 1}
    assert [one["to"] for one in sandbox.ledger.messages() if one.get("login") == mailbox.username] == [
        ["duty@plant.example"]
    ]


def test_its_password_is_rotated_too(mailbox: Mailbox) -> None:

    from alertadmin.crypto import keyring

    primary = keyring.add_primary()
    assert reencryption.rotate().done == 1
    mailbox.refresh_from_db()
    assert mailbox.password is not None
    assert (mailbox.password.key_id, mailbox.password.decrypt()) == (primary, PASSWORD)


@pytest.mark.parametrize(
    "fields",
    [{"server": ""}, {"transport": TransportName.GRAPH}],
    ids=["neither app nor server", "a server by Graph"],
)
def test_a_mailbox_has_an_app_or_a_server(mailbox: Mailbox, fields: dict[str, str]) -> None:
    for name, value in fields.items():
        setattr(mailbox, name, value)
    with pytest.raises(ValidationError):
        mailbox.full_clean()
    with pytest.raises(IntegrityError):
        Mailbox.objects.update(**fields)
