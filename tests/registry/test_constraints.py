"""Constraints of the database, which also hold for writes past forms and models."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, models, transaction

from alertadmin.registry.models import (
    AppRegistration,
    Consent,
    Contact,
    Credential,
    CredentialState,
    Mailbox,
    Tenant,
)
from alertadmin.registry.permissions import TransportName
from tests.factories import Rows

GUID = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
END = datetime(2027, 12, 31, tzinfo=UTC)
NO_GUIDS = [
    "",
    "northpark.example",
    "common",
    GUID.upper(),
    GUID.replace("-", ""),
    f"{{{GUID}"[:36],
    f" {GUID}"[:36],
    f"{GUID[:-1]}g",
    f"{GUID[:-1]}\n",
]

pytestmark = pytest.mark.django_db


def refused(write: Callable[[], Any], name: str) -> None:
    """The database refuses, and names the constraint."""
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        write()
    if connection.vendor == "postgresql" or "CHECK" in str(error.value):
        assert name in str(error.value)


def inserted(row: models.Model) -> None:
    type(row)._default_manager.bulk_create([row])


def written(row: models.Model, column: str, text: str) -> None:
    """Write by SQL, past the field, which refuses invalid ids."""
    key = row.pk.hex if connection.vendor == "sqlite" else row.pk
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {row._meta.db_table} SET {column} = %s WHERE id = %s", [text, key])


# Ids


@pytest.mark.parametrize("text", NO_GUIDS)
def test_a_directory_id_is_a_guid(rows: Rows, text: str) -> None:
    tenant = rows.tenant()
    refused(lambda: written(tenant, "directory_id", text), "tenant_directory_id_is_guid")
    written(tenant, "directory_id", GUID)


@pytest.mark.parametrize("text", NO_GUIDS)
def test_a_client_id_is_a_guid(rows: Rows, text: str) -> None:
    app = rows.app()
    refused(lambda: written(app, "client_id", text), "app_client_id_is_guid")
    written(app, "client_id", GUID)


@pytest.mark.parametrize("text", NO_GUIDS[1:])
def test_a_secret_id_is_a_guid_or_unknown(rows: Rows, text: str) -> None:
    credential = rows.credential()
    refused(lambda: written(credential, "key_id", text), "credential_key_id_is_guid")
    written(credential, "key_id", GUID)
    written(credential, "key_id", "")


def test_guid_with_trailing_line_break_is_refused(rows: Rows) -> None:
    """In PostgreSQL the column is too short for it; in SQLite the constraint refuses it."""
    tenant = rows.tenant()
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        written(tenant, "directory_id", f"{GUID}\n")


@pytest.mark.parametrize("text", NO_GUIDS[1:3])
def test_models_refuse_invalid_ids(rows: Rows, text: str) -> None:
    with pytest.raises(ValidationError):
        Tenant(name="x", directory_id=text).save()
    with pytest.raises(ValidationError):
        Tenant.objects.update(directory_id=text)


def test_a_directory_is_registered_once(rows: Rows) -> None:
    rows.tenant(directory_id=GUID)
    refused(lambda: inserted(Tenant(name="again", directory_id=GUID)), "directory_id")


def test_a_client_id_is_there_once_per_tenant_and_may_be_in_another(rows: Rows) -> None:
    app = rows.app(client_id=GUID)
    refused(lambda: inserted(AppRegistration(tenant=app.tenant, client_id=GUID)), "client_id_once_per_tenant")
    inserted(AppRegistration(tenant=rows.tenant(), client_id=GUID))


# Secrets


@pytest.mark.parametrize("start", [END, END + timedelta(microseconds=1), END + timedelta(days=9)])
def test_a_secret_starts_before_it_ends(rows: Rows, start: datetime) -> None:
    credential = rows.credential()
    refused(
        lambda: inserted(Credential(app=rows.app(), starts_at=start, expires_at=END)), "credential_starts_before_end"
    )
    update = Credential.objects.filter(pk=credential.pk).update
    refused(lambda: update(starts_at=start, expires_at=END), "credential_starts_before_end")
    update(starts_at=END - timedelta(microseconds=1), expires_at=END)
    update(starts_at=None)


def test_a_secret_has_an_end(rows: Rows) -> None:
    refused(lambda: inserted(Credential(app=rows.app())), "expires_at")


@pytest.mark.parametrize("state", [CredentialState.CURRENT, CredentialState.NEXT])
def test_app_has_one_current_and_one_next_secret(rows: Rows, state: CredentialState) -> None:
    credential = rows.credential(state=state)
    another = rows.credential(credential.app, state=CredentialState.RETIRED)
    refused(lambda: inserted(Credential(app=credential.app, state=state, expires_at=END)), f"one_{state}_credential")
    refused(lambda: Credential.objects.filter(pk=another.pk).update(state=state), f"one_{state}_credential")
    inserted(Credential(app=rows.app(), state=state, expires_at=END))


def test_any_number_may_be_superseded(rows: Rows) -> None:
    app = rows.app()
    for _secret in range(3):
        rows.credential(app, state=CredentialState.RETIRED)


@pytest.mark.parametrize("state", ["", "CURRENT", "waiting"])
def test_a_secret_is_in_a_state_that_readers_know(rows: Rows, state: str) -> None:
    credential = rows.credential()
    refused(lambda: Credential.objects.filter(pk=credential.pk).update(state=state), "credential_state_is_known")


# Mailboxes, contacts, consents


def test_a_mailbox_is_there_once_per_app_in_any_case(rows: Rows) -> None:
    app = rows.app()
    inserted(Mailbox(app=app, tenant=app.tenant, address="alarms@x.example"))
    refused(
        lambda: inserted(Mailbox(app=app, tenant=app.tenant, address="Alarms@X.example")),
        "mailbox_address_once_per_app",
    )
    inserted(Mailbox(app=rows.app(), tenant=app.tenant, address="alarms@x.example"))


def test_a_mailbox_on_premises_is_there_once_per_server(rows: Rows) -> None:
    tenant = rows.tenant()
    fields = {"tenant": tenant, "transport": TransportName.EWS, "server": "onprem"}
    inserted(Mailbox(address="alarms@x.example", **fields))
    refused(lambda: inserted(Mailbox(address="ALARMS@x.example", **fields)), "mailbox_address_once_per_server")


def test_one_mailbox_sends_the_reminders(rows: Rows) -> None:
    app = rows.app()
    inserted(Mailbox(app=app, tenant=app.tenant, address="a@x.example", sends_reminders=True))
    inserted(Mailbox(app=app, tenant=app.tenant, address="b@x.example"))
    refused(lambda: Mailbox.objects.update(sends_reminders=True), "one_mailbox_sends_reminders")


def test_a_contact_is_there_once_per_tenant(rows: Rows) -> None:
    tenant = rows.tenant(contacts=["it@x.example"])
    refused(lambda: inserted(Contact(tenant=tenant, email="it@x.example")), "contact_address_once_per_tenant")


def test_a_consent_is_there_once_per_app_tenant_and_permission(rows: Rows) -> None:
    app = rows.app()
    inserted(Consent(app=app, tenant=app.tenant, permission="Mail.Send"))
    refused(
        lambda: inserted(Consent(app=app, tenant=app.tenant, permission="Mail.Send")), "consent_once_per_permission"
    )
    inserted(Consent(app=app, tenant=rows.tenant(), permission="Mail.Send"))


# The same rules in words


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (lambda one: Tenant(name="again", directory_id=one.app.tenant.directory_id), "already registered"),
        (
            lambda one: AppRegistration(tenant=one.app.tenant, name="x", client_id=one.app.client_id),
            "This tenant already has an app registration with this",
        ),
        (lambda one: Credential(app=one.app, expires_at=END), "already has a secret in use"),
        (lambda one: Credential(app=one.app, state="next", expires_at=END), "already waiting"),
        (lambda one: Credential(app=one.app, starts_at=END, expires_at=END, state="retired"), "later than the start"),
        (
            lambda one: Mailbox(app=one.app, tenant=one.app.tenant, address="A@x.example"),
            "This address is already registered with this app.",
        ),
        (lambda one: Tenant(name="x", directory_id="x"), "looks like"),
    ],
)
def test_constraints_have_messages_for_forms(rows: Rows, row: Callable[[Credential], models.Model], said: str) -> None:
    one = rows.credential()
    rows.credential(one.app, state=CredentialState.NEXT)
    Mailbox.objects.create(app=one.app, tenant=one.app.tenant, address="a@x.example")
    with pytest.raises(ValidationError) as error:
        row(one).full_clean()
    assert said in " ".join(error.value.messages)


@pytest.mark.parametrize("spelling", [GUID, GUID.upper(), f" {{{GUID}}} ", GUID.replace("-", ""), f"{GUID}\n"])
def test_model_normalizes_an_id(rows: Rows, spelling: str) -> None:
    tenant = Tenant(name="x", directory_id=spelling)
    tenant.full_clean()
    tenant.save()
    assert Tenant.objects.get().directory_id == GUID


def test_only_deleting_the_tenant_deletes_its_rows(rows: Rows) -> None:
    credential = rows.credential()
    Mailbox.objects.create(app=credential.app, tenant=credential.app.tenant, address="a@x.example")
    other = rows.credential(rows.app(client_id=str(uuid4())))
    credential.app.tenant.delete()
    assert list(Credential.objects.all()) == [other]
    assert not Mailbox.objects.exists()
