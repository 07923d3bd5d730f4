"""Key rotation and loss while the installation runs."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.crypto import key_usage, keyring, reencryption
from alertadmin.crypto.fields import EncryptedValue
from alertadmin.outbox import worker
from alertadmin.registry.credentials.app_identity import SecretUnavailable, identity_of
from alertadmin.registry.models import Contact, Credential
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.conftest import set_environment
from tests.factories import Rows

SITES = 4


@pytest.fixture
def ring(settings: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    set_environment(settings, KEYS_FILE=str(path))
    keyring.create(path)
    return path


@pytest.fixture
def signed_in(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


def other_keys(ring: Path) -> None:
    ring.write_text(json.dumps({"primary": "k0other", "keys": {"k0other": "a" * 43 + "="}}))
    keyring.forget()
    key_usage.forget()


@pytest.mark.control(11)
@pytest.mark.django_db(transaction=True)
def test_keys_are_rotated_beside_scans_and_sends(sandbox: Sandbox, ring: Path, now: datetime) -> None:
    sites = [Rows(now).site(sandbox, days=20) for _site in range(SITES)]
    for site in sites:
        Contact.objects.create(tenant=site.tenant, email=f"duty@{site.tenant.domain}")
    stop = threading.Event()
    rotated: list[int] = []

    def rotate() -> None:
        with closing(connection):
            while not stop.is_set() or len(rotated) < 2:
                keyring.add_primary()
                rotated.append(reencryption.rotate().done)

    thread = threading.Thread(target=rotate)
    thread.start()
    try:
        scanner.run(now)
        assert worker.deliver_due(clock=lambda: now) == {"sent": SITES}
    finally:
        stop.set()
        thread.join()
    assert rotated[0] == SITES
    reencryption.rotate()
    assert key_usage.counts() == {keyring.load().primary: SITES}
    assert {one["to"][0] for one in sandbox.ledger.messages()} >= {f"duty@{site.tenant.domain}" for site in sites}


@pytest.mark.control(13)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lost", ["file", "key"])
def test_without_the_keys_reminders_still_go_out_and_pages_name_what_is_missing(
    relay: Sandbox, ring: Path, signed_in: Client, now: datetime, lost: str
) -> None:
    site = Rows(now).site(relay, days=20, contacts=["duty@x.example"])
    key_id = keyring.load().primary
    if lost == "file":
        ring.unlink()
        keyring.forget()
        said = str(ring)
    else:
        other_keys(ring)
        said = key_id
    scanner.run(now)
    assert worker.deliver_due(clock=lambda: now) == {"sent": 1}
    for page in ("/", "/watching/", site.credential.get_absolute_url()):
        answer = signed_in.get(page)
        assert answer.status_code == 200
        assert said in answer.content.decode(), page
    assert signed_in.get("/readyz").json()["keys"] is False


@pytest.mark.control(13)
def test_a_key_that_comes_back_is_found_by_the_pages_at_once(ring: Path, rows: Rows, signed_in: Client) -> None:
    rows.credential(value="value")
    before = ring.read_text()
    other_keys(ring)
    assert "Stored secrets cannot be used" in signed_in.get("/").content.decode()
    ring.write_text(before)
    assert "Stored secrets cannot be used" not in signed_in.get("/").content.decode()


@pytest.mark.control(12)
def test_how_many_secrets_each_key_seals_stands_on_the_page(ring: Path, rows: Rows, signed_in: Client) -> None:
    old = keyring.load().primary
    rows.credential(value="one")
    rows.credential(value="two")
    new = keyring.add_primary()
    rows.credential(value="three")
    text = signed_in.get("/watching/").content.decode()
    assert f"{old}: 2 secrets" in text
    assert f"{new}: 1 secret" in text


@pytest.mark.control(12)
def test_what_is_stored_while_a_key_is_retired_brings_the_key_back(
    ring: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process had encrypted it a moment before, and stores it a moment after the first count."""
    old, credential = keyring.load().primary, rows.credential()
    credential.value = "late"
    sealed = credential.value
    keyring.add_primary()
    monkeypatch.setattr(key_usage, "sleep", lambda _s: Credential.objects.update(value=sealed))
    with pytest.raises(key_usage.KeyInUse, match="1 stored secrets"):
        key_usage.retire(old)
    credential.refresh_from_db()
    assert credential.value
    assert credential.value.decrypt() == "late"


@pytest.mark.control(12)
def test_what_was_sealed_with_a_key_that_was_retired_since_is_not_stored(ring: Path, rows: Rows) -> None:
    old, credential = keyring.load().primary, rows.credential()
    credential.value = "late"
    keyring.add_primary()
    key_usage.retire(old)
    with pytest.raises(keyring.KeyMissing, match=old):
        credential.save()


@pytest.mark.control(8)
def test_secrets_of_two_tenants_swapped_are_refused_on_their_pages_and_on_the_record_once(
    sandbox: Sandbox, ring: Path, signed_in: Client, now: datetime
) -> None:
    one, other = (Rows(now).site(sandbox, name=name).credential for name in ("Northpark", "Seaside"))
    assert one.value
    assert other.value
    for row, token in ((one, other.value.token), (other, one.value.token)):
        Credential.objects.filter(pk=row.pk).update(value=EncryptedValue(token, b""))
    for _look in range(2):
        for row in (one, other):
            text = signed_in.get(row.get_absolute_url()).content.decode()
            assert text.count("it was altered") == 1
            row.refresh_from_db()
            with pytest.raises(SecretUnavailable, match="altered or moved"):
                identity_of(row, row.app.tenant)
    noted = audit.AuditEntry.objects.filter(act="secret.unreadable")
    assert {(entry.object_id, entry.tenant, entry.details["kind"]) for entry in noted} == {
        (str(row.pk), row.app.tenant_id, "value") for row in (one, other)
    }
    assert noted.count() == 2


@pytest.mark.control(59)
def test_what_is_done_to_keys_is_on_the_record(ring: Path, rows: Rows) -> None:
    old = keyring.load().primary
    rows.credential(value="value")
    new = key_usage.add_primary()
    reencryption.rotate()
    reencryption.rotate()
    key_usage.retire(old)
    entries = audit.AuditEntry.objects.filter(act__startswith="key.").order_by("number")
    assert [(entry.act, entry.details["key"]) for entry in entries] == [
        ("key.added", new),
        ("key.rotated", new),
        ("key.removed", old),
    ]
