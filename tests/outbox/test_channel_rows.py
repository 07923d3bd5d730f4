"""A channel's row: encrypted, re-encrypted, and what remains after its deletion."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from alertadmin.crypto import keyring, reencryption
from alertadmin.outbox.models import Channel
from tests.conftest import set_environment

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
    assert made.signing_key.decrypt() not in row
    assert "canary" not in repr(vars(made))


@pytest.mark.django_db
def test_rotation_seals_addresses_and_signing_keys_anew(settings: Settings, tmp_path: Path) -> None:
    set_environment(settings, KEYS_FILE=str(tmp_path / "keys.json"))
    keyring.create(tmp_path / "keys.json")
    made = channel()
    assert made.signing_key is not None
    key = made.signing_key.decrypt()
    keyring.add_primary()
    assert reencryption.rotate().done == 2
    fresh = Channel.objects.get()
    assert fresh.address is not None
    assert fresh.signing_key is not None
    assert fresh.address.key_id == fresh.signing_key.key_id == keyring.load().primary
    assert (fresh.address.decrypt(), fresh.signing_key.decrypt()) == (ADDRESS, key)
