"""An installation that worked with an earlier release is brought up to date: every row is kept, and who did everything
may do it still."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.apps.registry import Apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from alertadmin.accounts.models import Membership, User
from alertadmin.registry.models import Contact, Credential, Mailbox
from alertadmin.reminders.models import Recipient, Scan
from mailer.email_address import canonical
from tests.conftest import set_environment

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

BEFORE = [
    ("accounts", "0002_language"),
    ("registry", "0010_consent_runs"),
    ("outbox", "0007_consent_requests"),
    ("reminders", "0003_calendar"),
    ("watching", "0002_letters"),
]
"""The last release without guides, personal accounts, roles and the record."""
OURS = [label for label, _name in BEFORE]
THEN = datetime(2026, 11, 1, 7, 30, tzinfo=UTC)
GONE = {"accounts_user": {"is_staff", "is_superuser"}, "outbox_delivery": {"resends_left"}}
"""Columns that became memberships, and one that nothing counts any more."""


@pytest.fixture(autouse=True)
def ring(tmp_path: Path, settings: Settings) -> None:
    """That release's: what its key sealed is bound to no destination yet."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"primary": "k0123abc", "keys": {"k0123abc": "A" * 43 + "="}}))
    path.chmod(0o600)
    set_environment(settings, KEYS_FILE=str(path))


@pytest.fixture
def before() -> Iterator[Apps]:
    """The tables as that release left them, empty; in the end those of today again."""
    executor = MigrationExecutor(connection)
    try:
        executor.migrate([*BEFORE, *_without_ours(executor)])
        executor = MigrationExecutor(connection)
        yield executor.loader.project_state(BEFORE).apps
    finally:
        upgrade()


def _without_ours(executor: MigrationExecutor) -> list[tuple[str, str]]:
    """Those of libraries stay as they are."""
    return [leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] not in OURS]


def upgrade() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def fill(before: Apps) -> None:
    """At least a row in every table, with what that release wrote into them."""

    def add(label: str, **fields: Any) -> Any:
        return before.get_model(label).objects.create(**fields)

    ada = add("accounts.User", email="ada@northpark.example", password="!", is_superuser=True, is_staff=True)
    add("accounts.User", email="grace@northpark.example", password="!", name="Grace")
    add("accounts.User", email="staff@northpark.example", password="!", is_staff=True, is_active=False)
    add("accounts.FirstAdministratorLink", digest="f" * 64, created_at=THEN)
    tenant = add("registry.Tenant", name="Northpark", directory_id=str(uuid.uuid4()), language="fr")
    add("registry.Contact", tenant=tenant, email="it@northpark.example")
    app = add("registry.AppRegistration", tenant=tenant, name="ALERT", client_id=str(uuid.uuid4()))
    secret = add("registry.Credential", app=app, value="the secret", expires_at=THEN, end_moves=2)
    mailbox = add("registry.Mailbox", tenant=tenant, app=app, address="alarms@northpark.example", transport="ews")
    add("registry.Mailbox", tenant=tenant, address="p@x.example", transport="ews", server="plant", password="p4ss")
    consent = add("registry.Consent", app=app, tenant=tenant, permission="Mail.Send", status="not_in_token")
    change = add(
        "registry.ConsentChange",
        consent=consent,
        app=app,
        tenant=tenant,
        permission="Mail.Send",
        before="granted",
        after="not_in_token",
        at=THEN,
    )
    add("registry.ConsentReturn", consent=consent, outcome="taken", by=ada, nonce="n", at=THEN)
    add("registry.ConsentRun", started_at=THEN, slot="all", by=ada)
    add("registry.Handover", credential=secret, by=ada, by_name=ada.email, reason="to type it in", at=THEN)
    channel = add("outbox.Channel", name="Teams", address="https://x.example/hook", tenant=tenant)
    delivery = add(
        "outbox.Delivery", purpose="reminder", dedupe_key="1", recipient="it@northpark.example", mailbox=mailbox
    )
    add("outbox.Delivery", purpose="reminder", dedupe_key="2", recipient="", channel=channel, state="uncertain")
    add("outbox.Attempt", delivery=delivery, number=1, owner=uuid.uuid4(), route="a", started_at=THEN)
    add("outbox.ConsentRequest", app=app, tenant=tenant, recipient="it@x.example", delivery=delivery, by=ada, at=THEN)
    scan = add("reminders.Scan", started_at=THEN, finished_at=THEN)
    of = {"tenant": tenant, "app": app, "scan": scan, "expires_at": THEN}
    told = add("reminders.Reminder", kind="credential", credential=secret, threshold=7, **of)
    add("reminders.Reminder", kind="ews", mailbox=mailbox, threshold=30, **of)
    add("reminders.Reminder", kind="consent", consent_change=change, threshold=0, **of)
    add("reminders.Notice", reminder=told, delivery=delivery)
    add(
        "reminders.Hold",
        credential=secret,
        expires_at=THEN,
        kind="snoozed",
        until=THEN,
        by=ada,
        by_name="Ada",
        created_at=THEN,
    )
    add("reminders.Policy", tenant=tenant, plan="30 7")
    add("reminders.Recipient", tenant=tenant, email="owner@northpark.example")
    add(
        "reminders.CalendarEntry",
        delivery=delivery,
        recipient="it@northpark.example",
        kind="credential",
        thing=secret.pk,
        tenant=tenant,
        ends_at=THEN,
        sequence=0,
    )
    add("reminders.CalendarFeed", owner=ada, digest="d" * 64, created_at=THEN)
    add("watching.Ping", pk=1, tried_at=THEN)
    add("watching.Monthly", pk=1, emails=["it@northpark.example"])
    add("watching.Letter", kind="monthly", about="2026-11", recipient="it@northpark.example", delivery=delivery)


def stored(before: Apps) -> dict[str, list[tuple[Any, ...]]]:
    """What stands in each of that release's tables, in the columns that are to stay, as the database has it."""
    found = {}
    with connection.cursor() as cursor:
        for model in (model for label in OURS for model in before.get_app_config(label).get_models()):
            table = model._meta.db_table
            columns = [field.column for field in model._meta.concrete_fields]
            kept = ", ".join(f'"{name}"' for name in columns if name not in GONE.get(table, ()))
            cursor.execute(f'SELECT {kept} FROM "{table}" ORDER BY "{model._meta.pk.column}"')
            found[table] = cursor.fetchall()
    return found


def test_every_row_is_kept(before: Apps) -> None:
    fill(before)
    were = stored(before)
    assert [table for table, rows in were.items() if not rows] == []
    upgrade()
    assert stored(before) == were


def test_who_did_everything_may_do_it_still(before: Apps) -> None:
    fill(before)
    upgrade()
    everywhere = Membership.objects.filter(tenant=None, source="hand")
    assert sorted(everywhere.values_list("user__email", "role")) == [
        ("ada@northpark.example", "owner"),
        ("grace@northpark.example", "administrator"),
        ("staff@northpark.example", "owner"),
    ]
    assert Membership.objects.count() == 3
    assert User.objects.count() == 3


def test_what_was_sealed_opens_and_what_is_new_has_its_default(before: Apps) -> None:
    fill(before)
    upgrade()
    value = Credential.objects.get().value
    assert value is not None
    assert value.reveal() == "the secret"
    password = Mailbox.objects.get(server="plant").password
    assert password is not None
    assert password.reveal() == "p4ss"
    assert not Mailbox.objects.filter(is_personal=True).exists()
    assert Scan.objects.get().copy_of is None


@pytest.mark.control(72)
def test_addresses_that_collide_stop_the_upgrade_before_anything_is_changed(before: Apps) -> None:
    """Nothing is merged: a person says which of them goes."""
    fill(before)
    people, contacts = before.get_model("accounts.User"), before.get_model("registry.Contact")
    mailboxes, recipients = before.get_model("registry.Mailbox"), before.get_model("reminders.Recipient")
    tenant, app = before.get_model("registry.Tenant").objects.get(), mailboxes.objects.exclude(app=None).get().app
    doubles = [
        people.objects.create(email="Ada@NorthPark.example", password="!"),
        contacts.objects.create(tenant=tenant, email="IT@northpark.example\u200b"),
        mailboxes.objects.create(tenant=tenant, app=app, address="alarms@northpark。example"),
        recipients.objects.create(tenant=tenant, email="ｏｗｎｅｒ@northpark.example"),
    ]
    were = stored(before)
    with pytest.raises(CommandError) as refused:
        call_command("migrate", verbosity=0)
    said = str(refused.value)
    assert "accounts: 'Ada@NorthPark.example' (id" in said
    assert f"contacts with tenant_id {_as_stored(tenant.pk)}: " in said
    assert said.count(" and '") == len(doubles)
    assert "Nothing was changed. Start the version that ran before" in said
    assert stored(before) == were
    assert not MigrationRecorder.Migration.objects.filter(app="accounts", name__startswith="0003").exists()
    for one in doubles:
        one.delete()
    call_command("migrate", verbosity=0)
    assert User.objects.get(email_canonical="ada@northpark.example").email == "ada@northpark.example"


def test_every_old_address_gets_its_canonical_form(before: Apps) -> None:
    fill(before)
    before.get_model("accounts.User").objects.create(email="Zoë@straße.example", password="!")
    before.get_model("registry.Contact").objects.create(
        tenant=before.get_model("registry.Tenant").objects.get(), email="Root@[192.0.2.1]"
    )
    upgrade()
    assert User.objects.by_address("zoë@XN--STRAE-OQA.example") is not None
    assert Contact.objects.get(email="Root@[192.0.2.1]").email_canonical == "root@[192.0.2.1]"
    for model, column in ((User, "email"), (Contact, "email"), (Mailbox, "address"), (Recipient, "email")):
        for address, form in model._default_manager.values_list(column, f"{column}_canonical"):
            assert form == canonical(address) != ""


def _as_stored(key: uuid.UUID) -> str:
    return key.hex if connection.vendor == "sqlite" else str(key)
