"""What a channel's row holds and outlives: sealed, rotated, migrated."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from pytest_django import Settings

from alertadmin.outbox.models import Channel, Delivery
from alertadmin.registry import keyring, rotation
from tests.conftest import NOW, set_environment

ADDRESS = "https://hooks.example/token-5f1b2c3d-canary"


def channel() -> Channel:
    made = Channel(name="ops", service="webhook", label="Webhook", hint="hooks.example")
    made.address = ADDRESS
    made.renew_signing_key()
    made.save()
    return made


@pytest.mark.django_db
def test_the_row_holds_neither_the_address_nor_the_key_in_clear() -> None:
    made = channel()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM outbox_channel")
        row = repr(cursor.fetchall())
    assert made.signing_key is not None
    assert "canary" not in row
    assert made.signing_key.reveal() not in row
    assert "canary" not in repr(vars(made))


@pytest.mark.django_db
def test_rotation_seals_addresses_and_signing_keys_anew(settings: Settings, tmp_path: Path) -> None:
    set_environment(settings, KEYS_FILE=str(tmp_path / "keys.json"))
    keyring.create(tmp_path / "keys.json")
    made = channel()
    assert made.signing_key is not None
    key = made.signing_key.reveal()
    keyring.add_primary()
    assert rotation.rotate().done == 2
    fresh = Channel.objects.get()
    assert fresh.address is not None
    assert fresh.signing_key is not None
    assert fresh.address.key_id == fresh.signing_key.key_id == keyring.load().primary
    assert (fresh.address.reveal(), fresh.signing_key.reveal()) == (ADDRESS, key)


@pytest.mark.django_db(transaction=True)
def test_the_migration_keeps_what_was_there_before_channels() -> None:
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    executor.migrate([("outbox", "0002_drafts")])
    try:
        old = executor.loader.project_state([("outbox", "0002_drafts")]).apps
        old.get_model("outbox", "Delivery").objects.create(
            purpose="reminder", dedupe_key="x", recipient="duty@northpark.example", subject="s", created_at=NOW
        )
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(newest)
    kept = Delivery.objects.get()
    assert (kept.recipient, kept.subject, kept.created_at) == ("duty@northpark.example", "s", NOW)
    assert (kept.channel, kept.goes_by_channel, kept.details) == (None, False, [])
