"""Secrets are bound to their destination: upgrade from unbound values, key rotation, and changed URLs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from pytest_django import Settings

from alertadmin.audit import AuditEntry
from alertadmin.crypto import decryption, keyring, reencryption
from alertadmin.crypto.fields import EncryptedValue, Tampered, WrongDestination
from alertadmin.crypto.reencryption import ReencryptionResult
from alertadmin.crypto.verification import check_readability
from alertadmin.registry.models import AppRegistration, Credential, Mailbox
from alertadmin.supervisor import bootstrap
from tests.conftest import set_environment
from tests.factories import Rows

pytestmark = pytest.mark.django_db
VALUE = "of an earlier release"


@pytest.fixture
def ring(tmp_path: Path, settings: Settings) -> Path:
    """A keyring of an earlier release."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"primary": "k0123abc", "keys": {"k0123abc": "A" * 43 + "="}}))
    path.chmod(0o600)
    set_environment(settings, KEYS_FILE=str(path))
    return path


def unbound(credential: Credential) -> Credential:
    """Encrypted as by an earlier release: bound only to its row."""
    associated = Credential._meta.get_field("value").associated(credential)
    Credential.objects.filter(pk=credential.pk).update(value=EncryptedValue.encrypt(VALUE, associated))
    return Credential.objects.get(pk=credential.pk)


def version(credential: Credential) -> str:
    stored = Credential.objects.get(pk=credential.pk).value
    assert stored is not None
    return stored.token[:2]


def value_of(credential: Credential) -> str:
    stored = Credential.objects.get(pk=credential.pk).value
    assert stored is not None
    return decryption.decrypt_audited(stored)


# Upgrading


@pytest.mark.control(100)
def test_upgrade_binds_values_to_their_destination(rows: Rows, ring: Path) -> None:
    credential = unbound(rows.credential())
    bootstrap.prepare(upgrade=True)
    assert (version(credential), value_of(credential)) == ("v2", VALUE)
    AppRegistration.objects.update(client_id=str(uuid4()))
    with pytest.raises(WrongDestination):
        value_of(credential)
    assert AuditEntry.objects.filter(act="secrets.bound").count() == 1
    assert reencryption.bind_all() == ReencryptionResult()


def test_value_is_bound_on_first_decryption_if_keys_were_unavailable(rows: Rows, ring: Path) -> None:
    credential = unbound(rows.credential())
    written = ring.read_text()
    ring.unlink()
    keyring.forget()
    bootstrap.prepare(upgrade=True)
    assert version(credential) == "v1"
    ring.write_text(written)
    ring.chmod(0o600)
    keyring.forget()
    assert (value_of(credential), version(credential)) == (VALUE, "v2")


def test_binding_continues_after_a_kill_between_batches(
    rows: Rows, ring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = rows.app()
    credentials = [unbound(rows.credential(app, state="retired")) for _number in range(5)]
    monkeypatch.setattr(reencryption, "BATCH", 2)
    seen: list[int] = []

    def killed(row: Any, name: str, reseal: Any) -> ReencryptionResult:
        seen.append(1)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return reseal_one(row, name, reseal)

    reseal_one = reencryption._reencrypt_row
    monkeypatch.setattr(reencryption, "_reencrypt_row", killed)
    with pytest.raises(KeyboardInterrupt):
        reencryption.bind_all()
    monkeypatch.setattr(reencryption, "_reencrypt_row", reseal_one)
    assert reencryption.bind_all() == ReencryptionResult(done=3)
    assert {value_of(one) for one in credentials} == {VALUE}


@pytest.mark.control(100)
def test_newer_key_decrypts_no_unbound_value(rows: Rows, ring: Path) -> None:
    """For example restored from an old copy of the database: useless once the old key is retired."""
    keyring.add_primary()
    credential = unbound(rows.credential())
    with pytest.raises(Tampered):
        value_of(credential)
    assert reencryption.bind_all() == ReencryptionResult(unreadable=1)


# Rotating and restoring


@pytest.mark.control(100)
def test_key_rotation_keeps_destinations(rows: Rows, ring: Path) -> None:
    kept, moved = rows.credential(value="kept"), rows.credential(value="moved")
    was = moved.app.client_id
    AppRegistration.objects.filter(pk=moved.app_id).update(client_id=str(uuid4()))
    primary = keyring.add_primary()
    assert reencryption.rotate() == ReencryptionResult(done=2)
    assert value_of(kept) == "kept"
    with pytest.raises(WrongDestination):
        value_of(moved)
    AppRegistration.objects.filter(pk=moved.app_id).update(client_id=was)
    stored = Credential.objects.get(pk=moved.pk).value
    assert stored is not None
    assert (stored.decrypt(), stored.key_id) == ("moved", primary)


def test_verification_distinguishes_moved_from_altered_values(rows: Rows, ring: Path) -> None:
    moved = rows.credential(value="moved")
    rows.credential(value="kept")
    AppRegistration.objects.filter(pk=moved.app_id).update(client_id=str(uuid4()))
    reading = check_readability()
    assert (reading.secrets, reading.read, reading.wrong_destination, reading.tampered) == (2, 1, 1, 0)


# The operator gives a place another URL


def clouds_file(path: Path, authority: str, ews: str) -> None:
    path.write_text(
        f'[lab]\nlabel = "Lab"\nauthority = "{authority}"\ngraph = "{authority}/graph"\news = "{authority}/ews"\n'
        'smtp = "localhost:587"\nexchange_resource = "https://e.example"\ngraph_resource = "https://g.example"\n'
        f'[plant]\nlabel = "Plant"\non_premises = true\news = "{ews}"\n'
    )


def run(*words: str) -> int:
    try:
        call_command("follow_url", *words)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.mark.control(101)
def test_secrets_follow_a_changed_url_only_on_command(
    rows: Rows, ring: Path, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "clouds.toml"
    clouds_file(file, "https://old.example", "https://old.plant.example/ews")
    set_environment(settings, CLOUDS_FILE=str(file), KEYS_FILE=str(ring))
    tenant = rows.tenant(cloud="lab")
    secret = rows.credential(rows.app(tenant), value="secret")
    also_moved = rows.credential(rows.app(tenant), value="of another client")
    mailbox = Mailbox(tenant=tenant, address="p@plant.example", transport="ews", server="plant")
    mailbox.password = "password"
    mailbox.save()
    clouds_file(file, "https://new.example/", "https://new.plant.example/ews")
    set_environment(settings, CLOUDS_FILE=str(file.rename(tmp_path / "new.toml")), KEYS_FILE=str(ring))
    AppRegistration.objects.filter(pk=also_moved.app_id).update(client_id=str(uuid4()))
    with pytest.raises(WrongDestination):
        value_of(secret)
    assert run("lab", "--from", "https://wrong.example") == 0
    with pytest.raises(WrongDestination):
        value_of(secret)
    assert run("gone", "--from", "https://old.example") == 1
    assert "does not define" in capsys.readouterr().err
    assert run("lab", "--from", "https://old.example/") == 0
    assert "that can now be sent to https://new.example: 1." in capsys.readouterr().out
    assert value_of(secret) == "secret"
    with pytest.raises(WrongDestination):
        value_of(also_moved)
    assert run("plant", "--from", "https://old.plant.example/ews") == 0
    password = Mailbox.objects.get().password
    assert password is not None
    assert password.decrypt() == "password"
    assert AuditEntry.objects.filter(act="secrets.bound").count() == 2
