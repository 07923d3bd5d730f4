"""The key file: readable by its owner only, written atomically, reloaded on change, with clear errors."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django import Settings

from alertadmin.crypto import keyring
from alertadmin.crypto.fields import EncryptedValue
from alertadmin.crypto.keyring import KeyMissing, KeyringError
from tests.conftest import set_environment
from tests.supervisor.installation import PROJECT, clean_environ, eventually

ROW = b"registry.credential:value:" + b"1" * 16
KEY = base64.b64encode(b"k" * 32).decode()


@pytest.fixture
def ring(settings: Settings, tmp_path: Path) -> Path:
    """A key file of its own, with one key."""
    path = tmp_path / "keys.json"
    set_environment(settings, KEYS_FILE=str(path))
    keyring.create(path)
    return path


def refusal() -> str:
    with pytest.raises(KeyringError) as refused:
        keyring.load()
    return str(refused.value)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.control(14)
def test_a_new_file_has_one_key_and_is_for_its_owner_alone(ring: Path) -> None:
    assert mode(ring) == 0o600
    content = json.loads(ring.read_text())
    assert list(content["keys"]) == [content["primary"]] == [keyring.load().primary]
    assert len(base64.b64decode(content["keys"][content["primary"]])) == 32


def test_an_existing_file_is_never_written_over(ring: Path) -> None:
    before = ring.read_bytes()
    with pytest.raises(FileExistsError):
        keyring.create(ring)
    assert ring.read_bytes() == before
    assert os.listdir(ring.parent) == ["keys.json"]


def test_an_added_key_is_the_primary_one_and_the_old_one_stays(ring: Path) -> None:
    old = EncryptedValue.encrypt("value", ROW)
    added = keyring.add_primary()
    new = EncryptedValue.encrypt("value", ROW)
    assert (new.key_id, keyring.load().primary) == (added, added)
    assert old.key_id != added
    assert (old.decrypt(), new.decrypt()) == ("value", "value")
    assert mode(ring) == 0o600
    assert os.listdir(ring.parent) == ["keys.json"]


def test_a_file_keeps_its_owner_when_root_adds_a_key(ring: Path) -> None:
    owner = (65534, 65534) if os.getuid() == 0 else (os.getuid(), os.getgid())
    os.chown(ring, *owner)
    keyring.add_primary()
    assert (ring.stat().st_uid, ring.stat().st_gid) == owner


@pytest.mark.control(14)
@pytest.mark.control(14)
@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_can_read_is_refused_with_the_command_that_mends_it(ring: Path, bits: int) -> None:
    ring.chmod(bits)
    assert f"chmod 600 {ring}" in refusal()
    ring.chmod(0o600)
    keyring.load()


@pytest.mark.control(13)
def test_a_missing_file_says_that_reminders_go_on(ring: Path) -> None:
    sealed = EncryptedValue.encrypt("value", ROW)
    ring.unlink()
    assert "is missing" in refusal()
    assert "Reminders continue" in refusal()
    assert not sealed.readable
    for use in (lambda: EncryptedValue.encrypt("x", ROW), sealed.decrypt, keyring.add_primary):
        with pytest.raises(KeyringError):
            use()


def test_a_folder_in_its_place_is_said(ring: Path) -> None:
    ring.unlink()
    ring.mkdir(mode=0o700)
    assert "cannot be read" in refusal()


@pytest.mark.control(10, 13)
def test_a_missing_key_is_named(ring: Path) -> None:
    old = EncryptedValue.encrypt("value", ROW)
    ring.unlink()
    keyring.create(ring)
    keyring.forget()
    with pytest.raises(KeyMissing, match=old.key_id):
        old.decrypt()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'"keys"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"primary": "k1", "keys": []}',
        b'{"primary": "k1", "keys": {}}',
        b'{"primary": "k2", "keys": {"k1": "%s"}}' % KEY.encode(),
        b'{"primary": ["k1"], "keys": {"k1": "%s"}}' % KEY.encode(),
        b'{"primary": "k1", "keys": {"k1": "c2hvcnQ="}}',
        b'{"primary": "k1", "keys": {"k1": 5}}',
        b'{"primary": "k1", "keys": {"k1": "%s!"}}' % KEY.encode(),
        b'{"primary": "k.1", "keys": {"k.1": "%s"}}' % KEY.encode(),
        b'{"primary": "K1", "keys": {"K1": "%s", "k1": "%s"}}' % (KEY.encode(), KEY.encode()),
    ],
)
def test_a_damaged_file_is_said_and_never_written_to(ring: Path, content: bytes) -> None:
    ring.write_bytes(content)
    assert "is damaged" in refusal()
    assert KEY[:10] not in refusal()
    with pytest.raises(KeyringError):
        keyring.add_primary()
    assert ring.read_bytes() == content


@examples(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_a_sentence_or_no_damage(settings: Settings, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(json.dumps({"primary": "k1", "keys": {"k1": KEY}}).encode())
    at = data.draw(st.integers(0, len(content)))
    content[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    path = tmp_path / f"{secrets.token_hex(8)}.json"
    path.touch(mode=0o600)
    path.write_bytes(content)
    set_environment(settings, KEYS_FILE=str(path))
    with suppress(KeyringError):
        assert keyring.load().primary == "k1"


def test_another_file_with_the_same_date_is_seen_at_once(ring: Path) -> None:
    """As when a backup is copied over it with its date."""
    keyring.load()
    date = ring.stat().st_mtime_ns
    ring.write_text(json.dumps({"primary": "k1", "keys": {"k1": KEY}}))
    os.utime(ring, ns=(date, date))
    assert keyring.load().primary == "k1"


# Many at once


def test_a_key_added_by_another_process_is_found_at_once(ring: Path) -> None:
    before, old = ring.read_text(), EncryptedValue.encrypt("value", ROW)
    keyring.add_primary()
    after, new = ring.read_text(), EncryptedValue.encrypt("value", ROW)
    ring.write_text(before)
    keyring.load()
    ring.write_text(after)
    assert (old.decrypt(), new.decrypt()) == ("value", "value")


def test_a_file_taken_away_is_noticed_within_the_second(ring: Path) -> None:
    sealed = EncryptedValue.encrypt("value", ROW)
    ring.unlink()
    assert eventually(lambda: not sealed.readable, seconds=1)


def test_readers_never_see_a_file_half_written(ring: Path) -> None:
    sealed = EncryptedValue.encrypt("value", ROW)
    done = threading.Event()

    def read() -> int:
        rounds = 0
        while not done.is_set():
            assert sealed.decrypt() == "value"
            assert EncryptedValue.encrypt("other", ROW).decrypt() == "other"
            rounds += 1
        return rounds

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _reader in range(3)]
        for _key in range(40):
            keyring.add_primary()
        done.set()
    assert all(reader.result() for reader in readers)


def test_of_keys_added_at_once_none_is_lost(ring: Path) -> None:
    """A lost key would take with it what was sealed in the meantime."""
    together = threading.Barrier(4)

    def add() -> list[tuple[str, EncryptedValue]]:
        together.wait()
        return [(keyring.add_primary(), EncryptedValue.encrypt("value", ROW)) for _key in range(8)]

    with ThreadPoolExecutor(4) as pool:
        added = [one for future in [pool.submit(add) for _thread in range(4)] for one in future.result()]
    assert len(json.loads(ring.read_text())["keys"]) == 1 + 32
    assert {key_id for key_id, _sealed in added} < keyring.load().ciphers.keys()
    assert {sealed.decrypt() for _key_id, sealed in added} == {"value"}
    assert mode(ring) == 0o600


ADDING = """
import django
django.setup()
from alertadmin.crypto import keyring
print("ready", flush=True)
while True:
    print(keyring.add_primary(), flush=True)
"""


@pytest.mark.crash
@pytest.mark.parametrize("after", range(1, 6))
def test_a_kill_while_a_key_is_added_leaves_a_whole_file(ring: Path, after: int) -> None:
    environ = clean_environ(
        ring.parent,
        ALERTADMIN_KEYS_FILE=str(ring),
        DJANGO_SETTINGS_MODULE="alertadmin.settings",
        PYTHONPATH=str(PROJECT),
    )
    process = subprocess.Popen([sys.executable, "-c", ADDING], env=environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    added = [process.stdout.readline().strip() for _key in range(after)]
    process.send_signal(signal.SIGKILL)
    added += process.stdout.read().split()
    process.wait(timeout=10)
    process.stdout.close()
    assert set(added) <= keyring.load().ciphers.keys()
    assert all(mode(path) == 0o600 for path in ring.parent.glob("*keys.json*"))
