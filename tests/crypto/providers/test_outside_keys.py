"""Envelope encryption of the key file: no decryption without the KMS, and no long wait for a slow one."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import trustme
from django.test import Client
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.crypto import envelope, keyring
from alertadmin.crypto.fields import EncryptedValue
from alertadmin.crypto.keyring import KeyringError, _read
from alertadmin.crypto.providers import azure_key_vault, vault_transit
from alertadmin.keyring_config import KeyVaultSource
from mailer.http import outbound_proxy
from mailer.http.outbound_proxy import OutboundProxy
from tests.conftest import set_environment
from tests.crypto.providers.key_vault_server import CLIENT, SECRET, TENANT, KeyVaultServer
from tests.crypto.providers.transit_server import TransitServer
from tests.factories import Rows
from tests.helpers.connect_proxy import ConnectProxy
from tests.helpers.proxy_answers import ANSWERS, answering
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import _context
from tests.mailer.https_server import reply

ROW = b"registry.credential:value:" + b"1" * 16
Vault = TransitServer | KeyVaultServer
SLOWER = ("silent", "stranger", "nonsense")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, str]:
    ca, path = trustme.CA(), tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return ca, str(path)


@pytest.fixture
def transit(authority: tuple[trustme.CA, str]) -> Iterator[TransitServer]:
    with TransitServer(_context(authority[0].issue_cert("localhost")), authority[1]) as server:
        yield server


@pytest.fixture
def key_vault(authority: tuple[trustme.CA, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyVaultServer]:
    look_up = socket.getaddrinfo

    def local(host: Any, *more: Any, **named: Any) -> Any:
        """Not every machine knows that names under localhost are its own (RFC 6761)."""
        return look_up("localhost" if host == "ring.localhost" else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", local)
    with KeyVaultServer(_context(authority[0].issue_cert("localhost", "ring.localhost")), authority[1]) as server:
        for name, value in {"TENANT_ID": TENANT, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET}.items():
            monkeypatch.setenv(f"AZURE_{name}", value)
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", server.authority)
        yield server


@pytest.fixture(params=["transit", "key_vault"])
def vault(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Vault:
    """Each of them, named in ALERTADMIN_KEYS; the key file is made."""
    server: Vault = request.getfixturevalue(request.param)
    named(server, settings, tmp_path)
    keyring.storage().create()
    return server


def named(server: Vault, settings: Settings, folder: Path, **more: str) -> None:
    token = {"KEYS_TOKEN": server.token} if isinstance(server, TransitServer) else {}
    values = {"KEYS": server.address, "KEYS_FILE": str(folder / "keys.json"), "KEYS_CA_FILE": server.ca_file}
    set_environment(settings, **{**values, **token, **more})


def as_started() -> None:
    """Discard everything that this process cached of the keyring and the KMS."""
    keyring.forget()
    envelope.forget()
    _read.cache_clear()


def refusal() -> str:
    as_started()
    with pytest.raises(KeyringError) as refused:
        keyring.load()
    return str(refused.value)


@pytest.mark.control(14)
def test_what_is_sealed_is_opened_by_way_of_the_vault_and_the_file_alone_opens_nothing(
    vault: Vault, settings: Settings, tmp_path: Path
) -> None:
    sealed = EncryptedValue.encrypt("value", ROW)
    added = keyring.add_primary()
    as_started()
    assert sealed.decrypt() == "value"
    written = json.loads((tmp_path / "keys.json").read_text())
    assert set(written["keys"]) == {sealed.key_id, added}
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    set_environment(settings, KEYS="")
    assert "is wrapped by https://" in refusal()


def test_the_vault_is_asked_once_and_its_outage_later_harms_nobody(vault: Vault) -> None:
    as_started()
    sealed = EncryptedValue.encrypt("value", ROW)
    asked = len(vault.requests)
    vault.instead = reply(500)
    keyring.forget()
    assert sealed.decrypt() == "value"
    assert len(vault.requests) == asked


def test_a_key_that_the_vault_rotated_still_opens_what_was_wrapped_before(vault: Vault) -> None:
    sealed = EncryptedValue.encrypt("value", ROW)
    vault.rotate()
    as_started()
    assert sealed.decrypt() == "value"
    keyring.add_primary()
    as_started()
    assert sealed.decrypt() == "value"


@pytest.mark.control(7)
def test_an_envelope_that_was_altered_is_refused(vault: Vault, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    whole = json.loads(path.read_text())
    for name, value in {"ring": whole["ring"][:-8] + "AAAAAAA=", "keys": ["k0other"], "key": whole["key"][:-4]}.items():
        path.write_text(json.dumps({**whole, name: value}))
        assert any(said in refusal() for said in ("is damaged", "refuses"))


@pytest.mark.control(13)
@pytest.mark.parametrize(
    "how", ["error", "dripping", "closed", *(pytest.param(how, marks=pytest.mark.slow) for how in SLOWER)]
)
def test_an_outage_at_the_start_is_a_sentence_with_the_missing_keys_and_ends_in_time(
    vault: Vault,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    rows: Rows,
    client: Client,
    administrator: User,
) -> None:
    rows.credential(value="value")
    key_id = keyring.load().primary
    monkeypatch.setattr(envelope, "KMS_TIMEOUT", 1.0)

    def drip(request: Any) -> bytes:
        request.peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while not vault.closing.wait(0.2):
            request.peer.send(b"x")
        return b""

    def silent(request: Any) -> bytes:
        vault.closing.wait(30)
        return b""

    if how == "closed":
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        path = Path(settings.ENVIRONMENT.keys_file)
        here, there = f":{vault.port}", f":{port}"
        path.write_text(path.read_text().replace(here, there))
        set_environment(settings, KEYS=vault.address.replace(here, there))
    elif how == "stranger":
        set_environment(settings, KEYS_CA_FILE="")
    else:
        vault.instead = {
            "error": reply(503, b"upstream connect error"),
            "silent": silent,
            "dripping": drip,
            "nonsense": reply(200, b"<html>"),
        }[how]
    as_started()
    client.force_login(administrator)
    began = monotonic()
    pages = [client.get("/")]
    asked = vault.connections
    pages += [client.get(page) for page in ("/watching/", "/")]
    assert monotonic() - began < IN_TIME
    assert vault.connections == asked, "no page waits for it again"
    for page in pages:
        text = page.content.decode()
        assert page.status_code == 200
        assert f"The keys ({key_id}) are not available" in text
        assert SECRET not in text
        assert TransitServer.token not in text
    vault.closing.set()


def test_who_may_not_is_told_in_the_vaults_own_words(
    vault: Vault, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(vault, TransitServer):
        set_environment(settings, KEYS_TOKEN="hvs.expired")
        assert "permission denied * invalid token" in refusal()
        assert "hvs.expired" not in refusal()
        vault.is_sealed = True
        assert "does not answer (Vault is sealed)" in refusal()
        return
    vault.may = frozenset({"wrapkey"})
    assert "ForbiddenByRbac" in refusal()
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "expired")
    assert "refuses (" in refusal()
    assert "AADSTS7000215" in refusal()


def test_a_vault_finds_us_by_its_namespace_mount_and_the_token_file_of_an_agent(
    transit: TransitServer, settings: Settings, tmp_path: Path
) -> None:
    transit.mount, transit.namespace = "ops/transit", "team-a"
    file = tmp_path / "token"
    named(transit, settings, tmp_path, KEYS_TOKEN="", KEYS_TOKEN_FILE=str(file), KEYS_NAMESPACE="team-a")
    with pytest.raises(KeyringError, match=r"token file .* cannot be read"):
        keyring.storage().create()
    envelope.forget()
    file.write_text(transit.token + "\n")
    keyring.storage().create()
    as_started()
    file.write_text("hvs.renewed\n")
    transit.token = "hvs.renewed"
    assert keyring.load().primary


def test_a_service_principal_that_may_not_see_the_key_wraps_all_the_same(key_vault: KeyVaultServer) -> None:
    key_vault.may = frozenset({"wrapkey", "unwrapkey"})
    assert os.environ["AZURE_TENANT_ID"] == TENANT
    from alertadmin.crypto.providers.azure_key_vault import VaultKey
    from alertadmin.keyring_config import KeyVaultSource

    key = VaultKey(KeyVaultSource(key_vault.vault, "ring", [*key_vault._versions][-1]), Path(key_vault.ca_file))
    assert key.unwrap(key.wrap(b"k" * 32)) == b"k" * 32
    assert key_vault.came("/wrapkey?api-version=2025-07-01")


def test_a_file_that_lies_there_is_wrapped_and_unwrapped_and_never_used_the_wrong_way(
    vault: Vault, settings: Settings, tmp_path: Path
) -> None:
    sealed = EncryptedValue.encrypt("value", ROW)
    keyring.unwrap_file()
    assert "keys wrap" in refusal()
    keyring.wrap_file()
    as_started()
    assert sealed.decrypt() == "value"
    set_environment(settings, KEYS=vault.address.replace("/ring", "/another"))
    assert "is wrapped by" in refusal()


@pytest.mark.control(118)
def test_a_key_vault_that_drips_is_left_when_its_time_is_up(
    key_vault: KeyVaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then keeps a timeout of reading alone from ever passing."""
    from alertadmin.crypto.providers import azure_key_vault as client

    monkeypatch.setattr(client, "TIMEOUT", 1.0)
    key = client.VaultKey(KeyVaultSource(key_vault.vault, "ring", ""), Path(key_vault.ca_file))

    def drip(request: Any) -> bytes:
        request.peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while not key_vault.closing.wait(0.1):
            request.peer.send(b"x")
        return b""

    key_vault.instead = drip
    began = monotonic()
    with pytest.raises(envelope.KmsUnavailable):
        key.wrap(bytes(32))
    assert monotonic() - began < IN_TIME
    key_vault.closing.set()


@pytest.mark.control(118)
@pytest.mark.parametrize("bomb", [b"{" + b" " * 2_000_000 + b"}", b"[" * 900_000], ids=["long", "nested"])
def test_a_key_vault_that_floods_is_refused(key_vault: KeyVaultServer, bomb: bytes) -> None:
    from alertadmin.crypto.providers.azure_key_vault import VaultKey

    key_vault.instead = reply(200, bomb)
    key = VaultKey(KeyVaultSource(key_vault.vault, "ring", ""), Path(key_vault.ca_file))
    with pytest.raises((envelope.KmsUnavailable, envelope.KmsRefused)):
        key.wrap(bytes(32))


def test_a_vault_is_asked_through_the_outbound_proxy(vault: Vault) -> None:
    with ConnectProxy() as proxy:
        outbound_proxy.use(OutboundProxy.parse(proxy.url()))
        as_started()
        keyring.load()
        assert proxy.asked
    with ConnectProxy(answer=b"HTTP/1.1 403 Forbidden\r\n\r\n") as proxy:
        outbound_proxy.use(OutboundProxy.parse(proxy.url()))
        assert "the outbound proxy did not let the connection through" in refusal()


@pytest.mark.parametrize("answer", [answer for answer, _said in ANSWERS.values()], ids=ANSWERS)
def test_each_refusal_of_the_outbound_proxy_is_its_own(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    asked = len(vault.requests)
    with answering(answer) as proxy:
        for module in (vault_transit, azure_key_vault):
            monkeypatch.setattr(module, "TIMEOUT", 0.4 if proxy.silent else 10.0)
        outbound_proxy.use(OutboundProxy.parse(proxy.url()))
        said = refusal()
    assert "the outbound proxy did not let the connection through" in said
    assert SECRET not in said
    assert len(vault.requests) == asked


def test_a_vault_of_no_proxy_is_asked_directly(vault: Vault) -> None:
    with ConnectProxy() as proxy:
        outbound_proxy.use(OutboundProxy.parse(proxy.url(), "localhost, .localhost"))
        as_started()
        keyring.load()
        assert proxy.asked == []
