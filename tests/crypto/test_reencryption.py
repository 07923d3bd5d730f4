"""Key rotation: in the end every secret is encrypted with the new key, after any interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from django.db import connection
from pytest_django import Settings

from alertadmin.crypto import keyring, reencryption
from alertadmin.crypto.fields import EncryptedValue
from alertadmin.crypto.reencryption import ReencryptionResult
from alertadmin.registry.models import AppRegistration, Credential, CredentialState, Mailbox
from tests.conftest import set_environment
from tests.factories import Rows
from tests.supervisor.installation import PROJECT, clean_environ


@pytest.fixture(autouse=True)
def ring(settings: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    set_environment(settings, KEYS_FILE=str(path))
    keyring.create(path)
    return path


def fill(rows: Rows, count: int) -> dict[UUID, str]:
    """So many secrets, and what each of them is."""
    app = rows.app()
    apps = [AppRegistration(tenant=app.tenant, name="ALERT", client_id=str(uuid4())) for _app in range(count)]
    AppRegistration.objects.bulk_create(apps)
    credentials = []
    for number, one in enumerate(apps):
        credential = Credential(app=one, expires_at=rows.now + timedelta(days=number), state=CredentialState.CURRENT)
        credential.store(f"value of {number:06d}")
        credentials.append(credential)
    Credential.objects.bulk_create(credentials)
    return {credential.pk: f"value of {number:06d}" for number, credential in enumerate(credentials)}


def stored() -> dict[UUID, str]:
    return {credential.pk: credential.value.decrypt() for credential in Credential.objects.all() if credential.value}


def keys_in_use() -> set[str]:
    return {credential.value.key_id for credential in Credential.objects.all() if credential.value}


def under(key_id: str) -> int:
    return Credential.objects.filter(value__startswith=f"v2.{key_id}.").count()


@pytest.mark.control(11)
def test_every_secret_of_every_model_is_sealed_with_the_primary_key(rows: Rows) -> None:
    values = fill(rows, reencryption.BATCH + 3)
    credential = Credential.objects.first()
    assert credential
    mailbox = Mailbox(tenant=credential.app.tenant, address="a@x.example", transport="ews", server="onprem")
    mailbox.password = "Winter-2026"
    mailbox.save()
    rows.credential(value="")
    primary = keyring.add_primary()
    assert reencryption.rotate() == ReencryptionResult(done=len(values) + 1)
    assert keys_in_use() == {primary}
    mailbox.refresh_from_db()
    assert mailbox.password
    assert (mailbox.password.key_id, mailbox.password.decrypt()) == (primary, "Winter-2026")
    assert stored() == values


def test_a_second_run_finds_nothing_to_do(rows: Rows) -> None:
    fill(rows, 5)
    keyring.add_primary()
    assert reencryption.rotate().done == 5
    assert reencryption.rotate() == ReencryptionResult()


def test_what_cannot_be_opened_is_counted_and_left(rows: Rows, ring: Path) -> None:
    rows.credential(value="of a key that is gone")
    ring.unlink()
    keyring.create(ring)
    keyring.forget()
    moved, good = rows.credential(value="moved"), rows.credential(value="good")
    assert good.value
    before = EncryptedValue(good.value.token, b"")
    Credential.objects.filter(pk=moved.pk).update(value=before)
    primary = keyring.add_primary()
    assert reencryption.rotate() == ReencryptionResult(done=1, unreadable=2)
    good.refresh_from_db()
    assert (good.value.key_id, good.value.decrypt()) == (primary, "good")
    moved.refresh_from_db()
    assert moved.value is not None
    assert moved.value.token == before.token
    assert reencryption.rotate() == ReencryptionResult(unreadable=2)


def test_an_empty_text_in_place_of_a_secret_is_none(rows: Rows) -> None:
    """As another program may write it; NULL is what this one does."""
    values = fill(rows, 3)
    odd = next(iter(values))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE registry_credential SET value = '' WHERE id = %s",
            [Credential._meta.pk.get_db_prep_value(odd, connection)],
        )
    keyring.add_primary()
    assert reencryption.rotate() == ReencryptionResult(done=2)
    assert stored() == {pk: value for pk, value in values.items() if pk != odd}


@pytest.mark.control(11)
@pytest.mark.django_db(transaction=True)
def test_a_writer_at_work_and_a_rotation_do_not_disturb_each_other(rows: Rows) -> None:
    values = fill(rows, 3 * reencryption.BATCH)
    written: dict[UUID, str] = {}
    rotating, writing = threading.Event(), threading.Event()

    def write() -> None:
        """Replaces one secret after another, as long as the rotation runs."""
        with closing(connection):
            for number, pk in enumerate(values):
                credential = Credential.objects.get(pk=pk)
                credential.value = f"replaced {number}"
                credential.save(update_fields=["value"])
                written[pk] = f"replaced {number}"
                writing.set()
                if not rotating.is_set():
                    return

    def rotate() -> None:
        with closing(connection):
            assert writing.wait(20)
            for _round in range(3):
                keyring.add_primary()
                reencryption.rotate()
            rotating.clear()

    rotating.set()
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(write), pool.submit(rotate)]:
            future.result()
    assert written
    assert stored() == values | written
    reencryption.rotate()
    assert keys_in_use() == {keyring.load().primary}


# Killed


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The database and the keys of this test, for a process of its own."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        (tmp_path / "alertadmin.sqlite3").symlink_to(name)
        return clean_environ(tmp_path)
    server = urlsplit(os.environ["ALERTADMIN_DATABASE_URL"])
    return clean_environ(tmp_path, ALERTADMIN_DATABASE_URL=server._replace(path=f"/{name}").geturl())


@pytest.mark.crash
@pytest.mark.control(11)
@pytest.mark.django_db(transaction=True)
def test_killed_while_it_works_the_command_loses_nothing_and_goes_on_when_run_again(
    rows: Rows, environ: dict[str, str]
) -> None:
    values = fill(rows, 5 * reencryption.BATCH)
    primary = keyring.add_primary()
    command = [sys.executable, str(PROJECT / "manage.py"), "rotate_keys", "--json"]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while under(primary) <= 0.3 * len(values):
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert_it_goes_on(values, primary, done=under(primary), batch=reencryption.BATCH)


KILLED = """
import os, signal, sys
import django
django.setup()
from django.db import connection
from alertadmin.crypto import reencryption

reencryption.BATCH, left = 3, int(sys.argv[1])

def die_after(execute, sql, params, many, context):
    global left
    try:
        return execute(sql, params, many, context)
    finally:
        left -= sql.startswith("UPDATE")
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

with connection.execute_wrapper(die_after):
    reencryption.rotate()
"""


@pytest.mark.crash
@pytest.mark.control(11)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("updates", "done"), [(1, 0), (3, 0), (4, 3), (6, 3), (7, 6)])
def test_killed_at_each_edge_of_a_batch_every_row_reads_and_the_second_run_counts_the_rest(
    rows: Rows, environ: dict[str, str], updates: int, done: int
) -> None:
    values = fill(rows, 7)
    primary = keyring.add_primary()
    environ = {**environ, "DJANGO_SETTINGS_MODULE": "alertadmin.settings", "PYTHONPATH": str(PROJECT)}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(updates)], env=environ)
    assert killed.returncode == -signal.SIGKILL
    assert under(primary) == done
    assert_it_goes_on(values, primary, done=done, batch=3)


def assert_it_goes_on(values: dict[UUID, str], primary: str, *, done: int, batch: int) -> None:
    assert done % batch == 0, "a batch is all or nothing"
    assert stored() == values
    assert reencryption.rotate() == ReencryptionResult(done=len(values) - done)
    assert (keys_in_use(), stored()) == ({primary}, values)
    assert reencryption.rotate() == ReencryptionResult()
