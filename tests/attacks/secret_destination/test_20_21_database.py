"""20, 21: the destination of a stored secret (server, cloud, directory, client ID, login, address or user) is changed
by SQL, a CSV file or a new URL. The secret is never sent there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, models
from django.utils import timezone
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.audit import AuditEntry
from alertadmin.crypto import decryption
from alertadmin.crypto.fields import EncryptedValue, WrongDestination, encrypted_fields, version_of
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.models import Channel
from alertadmin.registry.credentials.app_identity import SecretUnavailable
from alertadmin.registry.csv_import.importer import import_registrations
from alertadmin.registry.csv_import.table import NotImported
from alertadmin.registry.models import (
    AppRegistration,
    Credential,
    DeviceCodeFlow,
    Mailbox,
    MfaSecret,
    Tenant,
)
from alertadmin.registry.personal import device_code as personal_device_code
from alertadmin.registry.personal import refresh_tokens
from tests.attacks.secret_destination.conftest import ELSEWHERE, PASSWORD, Trap, every_way_of_use
from tests.factories import Rows, Site

pytestmark = [pytest.mark.django_db, pytest.mark.control(100)]

# By SQL: each kind x each field that decides where it goes


def client_secret(site: Site) -> models.Model:
    return site.credential


def private_key(site: Site) -> models.Model:
    site.credential.kind = "certificate"
    site.credential.value = "a private key"
    site.credential.save()
    return site.credential


def password(site: Site) -> models.Model:
    mailbox = Mailbox(tenant=site.tenant, address="q@plant.example", transport="ews", server="onprem", username="svc")
    mailbox.password = PASSWORD
    mailbox.save()
    return mailbox


def refresh_token(site: Site) -> models.Model:
    account = Mailbox(tenant=site.tenant, app=site.app, address="me@outlook.example", is_personal=True)
    account.refresh_token = "a refresh token"
    account.signed_in_at, account.sign_in_ends_at = timezone.now(), timezone.now() + timedelta(days=90)
    account.save()
    return account


def device_code(site: Site) -> models.Model:
    sign_in = DeviceCodeFlow(mailbox=refresh_token(site), state="waiting")  # type: ignore[misc]
    sign_in.ask_from = sign_in.expires_at = sign_in.started_at = timezone.now()
    sign_in.device_code = "a device code"
    sign_in.save()
    return sign_in


def held_token(site: Site) -> models.Model:
    """Of a code that was entered, before the account is confirmed."""
    sign_in = device_code(site)
    assert isinstance(sign_in, DeviceCodeFlow)
    sign_in.device_code, sign_in.held_token, sign_in.state = None, "a refresh token", "held"
    sign_in.save()
    return sign_in


def signing_key(site: Site) -> models.Model:
    channel = Channel(name="Hook", tenant=site.tenant, service="webhook", label="Webhook", hint="x.example")
    channel.address = "https://x.example/hook"
    channel.renew_signing_key()
    channel.save()
    return channel


def factor(site: Site) -> models.Model:
    secret = MfaSecret(person=User.objects.create(email="ada@x.example"))
    secret.value = "a seed"
    secret.save()
    return secret


def column(path: str, value: Callable[[Any], Any]) -> Callable[[models.Model], None]:
    """Writes past all forms and models: `path` leads from the row that holds the secret to the column."""

    def write(row: models.Model) -> None:
        *way, name = path.split(".")
        for step in way:
            row = getattr(row, step)
        with connection.cursor() as cursor:
            key = row.pk.hex if connection.vendor == "sqlite" else row.pk
            new = value(row)
            new = getattr(new, "pk", new)
            new = new.hex if connection.vendor == "sqlite" and hasattr(new, "hex") else new
            cursor.execute(f'UPDATE {row._meta.db_table} SET "{name}" = %s WHERE id = %s', [new, key])

    return write


def other_tenant(row: Any) -> Tenant:
    return Tenant.objects.create(name="Other", directory_id=str(uuid4()), cloud="lab")


def other_app(row: Any) -> AppRegistration:
    return AppRegistration.objects.create(tenant=other_tenant(row), name="Other", client_id=str(uuid4()))


def sealed_address(row: Any) -> str:
    copy = Channel(pk=row.pk)
    copy.address = "https://elsewhere.example/hook"
    assert copy.address is not None
    return copy.address.token


def a_guid(_row: Any) -> str:
    return str(uuid4())


APP = {
    "app.client_id": a_guid,
    "app.tenant_id": other_tenant,
    "app_id": other_app,
    "app.tenant.cloud": lambda _row: ELSEWHERE,
}
HOME = {"app.tenant.directory_id": a_guid}
LOGIN = {
    "server": lambda _row: "other",
    "username": lambda _row: "administrator",
    "login_kind": lambda _row: "basic",
    "address": lambda _row: "other@plant.example",
    "tenant_id": other_tenant,
}
ACCOUNT = {name: APP[name] for name in ("app.client_id", "app_id", "app.tenant.cloud")}
ACCOUNT["address"] = lambda _row: "you@outlook.example"
TABLE: list[tuple[Callable[[Site], models.Model], str, dict[str, Callable[[Any], Any]]]] = [
    (client_secret, "value", {**APP, **HOME}),
    (private_key, "value", {**APP, **HOME}),
    (password, "password", LOGIN),
    (refresh_token, "refresh_token", ACCOUNT),
    (device_code, "device_code", {f"mailbox.{path}": value for path, value in ACCOUNT.items()}),
    (held_token, "held_token", {f"mailbox.{path}": value for path, value in ACCOUNT.items()}),
    (signing_key, "signing_key", {"address": sealed_address}),
    (factor, "value", {"person_id": lambda _row: User.objects.create(email="eve@x.example").pk}),
]
CELLS = [
    pytest.param(make, field, column(path, value), id=f"{make.__name__}-{path}")
    for make, field, columns in TABLE
    for path, value in columns.items()
]


def test_the_table_has_every_kind_of_secret_that_is_bound() -> None:
    """All but a channel's address, which is the place itself. An uploaded file and what was entered in a refused form
    are bound to their user, and never sent."""
    bound = {(model._meta.model_name, name) for model, name in encrypted_fields() if version_of(model, name) == "v2"}
    assert {(model._meta.model_name, name) for model, name in encrypted_fields()} - bound == {("channel", "address")}
    uploads = {("pendingimport", "content"), ("pendingimport", "report"), ("keptsecret", "value")}
    assert uploads < bound
    assert len(bound - uploads) == len({make for make, _field, _columns in TABLE} - {private_key})


@pytest.mark.parametrize(("make", "field", "write"), CELLS)
def test_20_what_sql_leads_elsewhere_does_not_open_and_is_on_the_record(
    site: Site, make: Callable[[Site], models.Model], field: str, write: Callable[[models.Model], None]
) -> None:
    row = make(site)
    sealed = getattr(type(row)._default_manager.get(pk=row.pk), field)
    assert decryption.decrypt_audited(sealed)
    write(row)
    moved: EncryptedValue = getattr(type(row)._default_manager.get(pk=row.pk), field)
    for _try in range(2):
        with pytest.raises(WrongDestination):
            decryption.decrypt_audited(moved)
    assert AuditEntry.objects.filter(act="secret.unreadable", object_id=str(row.pk)).count() == 1


def test_20_a_password_is_not_sent_to_another_server_by_sql(site: Site, plant: Mailbox, places: Trap) -> None:
    Mailbox.objects.filter(pk=plant.pk).update(server="other")
    every_way_of_use(site, plant)
    assert not places.was_reached()


def test_20_the_operator_s_change_of_a_server_s_url_sends_nothing(
    site: Site, plant: Mailbox, places: Trap, settings: Settings
) -> None:
    """Until `manage.py follow_url` says that it is the same server."""
    file: Path = settings.ENVIRONMENT.clouds_file
    head, _middle, tail = file.read_text().partition("[onprem]")
    part, _middle, rest = tail.partition("[elsewhere]")
    moved = part.replace(part.split('ews = "')[1].split('"')[0], f"{places.url}/EWS/Exchange.asmx")
    file.write_text(f"{head}[onprem]{moved}[elsewhere]{rest}")
    every_way_of_use(site, plant)
    assert not places.was_reached()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["other cloud of the tenant", "mailbox in a tenant of another cloud"])
def test_21_an_app_s_secret_goes_to_no_cloud_but_its_own_by_sql(site: Site, rows: Rows, places: Trap, way: str) -> None:
    if way.startswith("other"):
        Tenant.objects.filter(pk=site.tenant.pk).update(cloud=ELSEWHERE)
    else:
        Mailbox.objects.filter(pk=site.mailbox.pk).update(tenant=rows.tenant("Abroad", cloud=ELSEWHERE))
        site.tenant = Tenant.objects.get(cloud=ELSEWHERE)
    said = every_way_of_use(site)
    assert all(said[1:]), said
    assert not places.was_reached()


# By a file


def csv(site: Site, secret: str = "") -> BytesIO:
    header = "directory_id,cloud,client_id,secret_value"
    return BytesIO(f"{header}\n{site.tenant.directory_id},{ELSEWHERE},{site.app.client_id},{secret}\n".encode())


def test_20_a_file_changes_no_cloud_under_a_stored_secret(site: Site, places: Trap) -> None:
    with pytest.raises(NotImported, match="sent to no other"):
        import_registrations(csv(site), now=timezone.now())
    site.tenant.refresh_from_db()
    assert site.tenant.cloud == "lab"
    secret = "fT48Q~abcdefghijklmnopqrstuvwxyz0123456789"
    import_registrations(csv(site, secret), now=timezone.now())
    stored = Credential.objects.select_related("app__tenant").get()
    assert stored.value is not None
    assert (stored.app.tenant.cloud, stored.value.decrypt()) == (ELSEWHERE, secret)
    assert not places.was_reached()


# Personal accounts


def test_20_a_sign_in_is_not_sent_to_another_cloud(site: Site, places: Trap) -> None:
    account = refresh_token(site)
    Tenant.objects.filter(pk=site.tenant.pk).update(cloud=ELSEWHERE)
    fresh = Mailbox.objects.get(pk=account.pk)
    with pytest.raises(SecretUnavailable):
        refresh_tokens.signed_in_account(fresh)
    assert personal_device_code.account_of(fresh).cloud.slug == ELSEWHERE
    connections.tokens.cache_clear()
    assert not places.was_reached()
