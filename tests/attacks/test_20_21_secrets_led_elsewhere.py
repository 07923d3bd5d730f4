"""20, 21: a stored secret is led to another server, cloud, directory, client ID, login, address or person, by each door
that can change where it goes. It is never sent there."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, models
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.audit import AuditEntry
from alertadmin.crypto import decryption
from alertadmin.crypto.fields import EncryptedValue, WrongDestination, encrypted_fields, version_of
from alertadmin.outbox import worker
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.models import Channel
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.consent import checks
from alertadmin.registry.credentials.app_identity import SecretUnavailable
from alertadmin.registry.credentials.verification import verify_credential
from alertadmin.registry.csv_import.csv_reader import NotImported
from alertadmin.registry.csv_import.importer import import_registrations
from alertadmin.registry.models import (
    AppRegistration,
    Credential,
    DeviceCodeFlow,
    Mailbox,
    MfaSecret,
    SetupProgress,
    Tenant,
)
from alertadmin.registry.personal import device_code as personal_device_code
from alertadmin.registry.personal import refresh_tokens
from mailer.http.ssrf_guard import EgressAllowlist
from sandbox import Sandbox
from tests.conftest import set_environment
from tests.factories import Rows, Site
from tests.helpers.login import signed_in_at
from tests.mailer.https_server import reply
from tests.outbox.channels.http_server import HttpServer

pytestmark = [pytest.mark.django_db, pytest.mark.control(100)]
PASSWORD = "Winter-2026 of the plant"
ELSEWHERE = "elsewhere"


class Trap:
    """The other place: a socket that listens. What connects to it is about to send a secret."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.url = f"https://localhost:{self.socket.getsockname()[1]}"

    def was_reached(self) -> bool:
        with suppress(BlockingIOError):
            self.socket.accept()[0].close()
            return True
        return False


@pytest.fixture
def trap() -> Iterator[Trap]:
    found = Trap()
    with found.socket:
        yield found


@pytest.fixture
def places(sandbox: Sandbox, trap: Trap, tmp_path: Path, settings: Settings) -> Trap:
    """The operator's file names both the sandbox and the trap, each as a cloud and as an Exchange server."""
    ours = sandbox.clouds_file.read_text().replace('"ca.pem"', f'"{sandbox.ca_file}"')
    file = tmp_path / "clouds.toml"
    cloud, server = ours.split("[onprem]")
    for name, part in (("lab", cloud), ("onprem", "[onprem]" + server)):
        theirs = part.replace(sandbox.url, trap.url).replace(
            f"[{name}]", f"[{ELSEWHERE if name == 'lab' else 'other'}]"
        )
        ours += "\n" + theirs
    file.write_text(ours)
    set_environment(settings, CLOUDS_FILE=str(file))
    return trap


@pytest.fixture
def site(places: Trap, rows: Rows, sandbox: Sandbox) -> Site:
    return rows.site(sandbox)


@pytest.fixture
def plant(site: Site, sandbox: Sandbox) -> Mailbox:
    """A mailbox on premises."""
    mailbox = Mailbox(
        tenant=site.tenant, address="p@plant.example", transport="ews", server="onprem", username="PLANT\\svc"
    )
    mailbox.password = PASSWORD
    mailbox.save()
    return mailbox


def every_way_of_use(site: Site, *mailboxes: Mailbox) -> list[str]:
    """All that sends secrets: proof, consent check, test sends. Returns why each failed."""
    now = timezone.now()
    credential = Credential.objects.select_related("app__tenant").get(pk=site.credential.pk)
    said = [verify_credential(credential, now=now).technical] if credential.value else []
    tenant = Tenant.objects.get(pk=site.tenant.pk)
    said += [one.technical for one in checks.check_consent(credential.app, tenant, now=now)]
    for mailbox in mailboxes or [site.mailbox]:
        delivery = test_send.create(Mailbox.objects.get(pk=mailbox.pk), "me@x.example", now=now)
        worker.deliver_due(only=delivery.pk)
        delivery.refresh_from_db()
        said.append(delivery.reason)
    return said


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
    """All but a channel's address, which is the place itself."""
    bound = {(model._meta.model_name, name) for model, name in encrypted_fields() if version_of(model, name) == "v2"}
    assert {(model._meta.model_name, name) for model, name in encrypted_fields()} - bound == {("channel", "address")}
    assert len(bound) == len({make for make, _field, _columns in TABLE} - {private_key})


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


# By the forms


@pytest.fixture
def owner(client: Client, administrator: User) -> Client:
    return signed_in_at(client, administrator)


def tenant_data(site: Site, **changes: Any) -> dict[str, Any]:
    tenant = site.tenant
    data = {"name": tenant.name, "directory_id": tenant.directory_id, "cloud": tenant.cloud, "time_zone": "UTC"}
    return {**data, "domain": tenant.domain, "contacts": "", **changes}


def app_data(site: Site, **changes: Any) -> dict[str, Any]:
    app = site.app
    data = {"name": app.name, "client_id": app.client_id, "audience": app.audience, "redirect_uri": app.redirect_uri}
    return {**data, "permissions": app.permissions, **changes}


@pytest.mark.parametrize("changed", [{"cloud": ELSEWHERE}, {"directory_id": str(uuid4())}], ids=["cloud", "directory"])
def test_20_a_tenant_s_form_asks_before_its_secrets_are_removed(
    owner: Client, site: Site, places: Trap, changed: dict[str, str]
) -> None:
    url = reverse("tenant-edit", args=[site.tenant.pk])
    asked = owner.post(url, tenant_data(site, **changed))
    assert b"never sent elsewhere" in asked.content
    assert b'type="checkbox" name="remove_secrets"' in asked.content
    site.credential.refresh_from_db()
    assert site.credential.value
    Mailbox.objects.all().delete()
    done = owner.post(url, tenant_data(site, **changed, remove_secrets="on"))
    assert done.status_code == 302
    site.credential.refresh_from_db()
    assert not Credential.objects.filter(value__isnull=False).exists()
    assert site.credential.hint == ""
    assert AuditEntry.objects.filter(act="credential.changed", object_id=str(site.credential.pk)).exists()
    assert not places.was_reached()


def test_20_another_client_id_takes_its_secret_in_the_same_step(owner: Client, site: Site) -> None:
    url = reverse("app-edit", args=[site.app.pk])
    client_id = str(uuid4())
    asked = owner.post(url, app_data(site, client_id=client_id)).content.decode()
    assert "is never sent for this one" in asked
    assert 'type="password" name="new_secret"' in asked
    secret = "fT48Q~abcdefghijklmnopqrstuvwxyz0123456789"
    assert owner.post(url, app_data(site, client_id=client_id, new_secret=secret)).status_code == 302
    stored = Credential.objects.select_related("app__tenant").get(pk=site.credential.pk)
    assert stored.value is not None
    assert (stored.app.client_id, stored.value.decrypt(), stored.hint) == (client_id, secret, secret[:3])


def test_20_without_keys_the_form_keeps_all_as_it_is(
    owner: Client, site: Site, settings: Settings, tmp_path: Path
) -> None:
    set_environment(settings, KEYS_FILE=str(tmp_path / "gone.json"))
    data = app_data(site, client_id=str(uuid4()), new_secret="fT48Q~abcdefghijklmnopqrstuvwxyz0123456789")
    page = owner.post(reverse("app-edit", args=[site.app.pk]), data).content.decode()
    assert "is missing. Restore it" in page
    assert data["new_secret"] not in page
    assert AppRegistration.objects.get(pk=site.app.pk).client_id == site.app.client_id


def test_20_an_unchanged_client_id_in_braces_asks_for_nothing(owner: Client, site: Site) -> None:
    url = reverse("app-edit", args=[site.app.pk])
    same = "{" + site.app.client_id.upper() + "}"
    assert owner.post(url, app_data(site, client_id=same, name="Renamed")).status_code == 302
    site.credential.refresh_from_db()
    assert site.credential.value


def test_20_the_guide_asks_too(owner: Client, site: Site, administrator: User) -> None:
    guide = SetupProgress.objects.create(person=administrator, tenant=site.tenant, app=site.app)
    url = reverse("guide-application", args=[guide.pk])
    data = app_data(site, client_id=str(uuid4()))
    assert "is never sent for this one" in owner.post(url, data).content.decode()
    owner.post(url, {**data, "remove_secrets": "on"})
    site.credential.refresh_from_db()
    assert site.credential.value is None


@pytest.mark.parametrize(
    "changed",
    [{"server": "other"}, {"username": "administrator"}, {"address": "other@plant.example"}, {"login_kind": "basic"}],
    ids=str,
)
def test_20_another_server_or_login_takes_the_password_again(
    owner: Client, site: Site, plant: Mailbox, places: Trap, changed: dict[str, str]
) -> None:
    url = reverse("mailbox-edit", args=[plant.pk])
    data = {
        "address": plant.address,
        "tenant": site.tenant.pk,
        "server": plant.server,
        "username": plant.username,
        "login_kind": plant.login_kind,
        **changed,
    }
    assert "Enter the password again" in owner.post(url, data).content.decode()
    plant.refresh_from_db()
    assert plant.server == "onprem"
    every_way_of_use(site, plant)
    assert not places.was_reached()
    assert owner.post(url, {**data, "new_password": "of the other"}).status_code == 302
    stored = Mailbox.objects.get(pk=plant.pk).password
    assert stored is not None
    assert stored.decrypt() == "of the other"


def test_21_no_form_pairs_an_app_with_a_tenant_of_another_cloud(owner: Client, site: Site, rows: Rows) -> None:
    abroad = rows.tenant("Abroad", cloud=ELSEWHERE)
    data = {"address": "b@abroad.example", "app": site.app.pk, "transport": "graph", "tenant": abroad.pk}
    said = owner.post(reverse("mailbox-add"), data).content.decode()
    assert "to its own cloud alone" in said
    assert not Mailbox.objects.filter(tenant=abroad).exists()
    guest = rows.tenant("Guest", cloud="lab")
    Mailbox.objects.filter(pk=site.mailbox.pk).update(tenant=guest)
    said = owner.post(
        reverse("tenant-edit", args=[site.tenant.pk]), tenant_data(site, cloud=ELSEWHERE)
    ).content.decode()
    assert "own cloud alone" in said


@pytest.mark.parametrize("again", [True, False])
def test_20_a_webhook_s_new_address_is_never_signed_with_the_old_key(
    owner: Client, site: Site, settings: Settings, again: bool
) -> None:
    settings.INSIDE_TARGETS = EgressAllowlist.parse("127.0.0.0/8, ::1")
    channel = signing_key(site)
    assert isinstance(channel, Channel)
    assert channel.signing_key is not None
    old = channel.signing_key.decrypt()
    with HttpServer() as there:
        there.routes[""] = reply(200, "ok")
        page = owner.post(
            reverse("channel-edit", args=[channel.pk]),
            {"name": channel.name, "line": 1, "new_address": f"{there.url}/hook"},
        ).content.decode()
    stored = Channel.objects.get()
    assert stored.signing_key is not None
    new = stored.signing_key.decrypt()
    assert new != old
    assert (new in page, old in page) == (True, False)


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
