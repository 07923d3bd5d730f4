"""Item 12: TLS without a proxy, and the warning when other machines reach alertadmin without TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.test import Client
from pytest_django import Settings

from alertadmin import tls_files
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.environment import BadEnvironment, Environment
from alertadmin.monitoring import setting_checks
from alertadmin.monitoring.messages import IN_CLEAR
from tests.attacks.web_server import WITHIN, WebServer
from tests.conftest import set_environment
from tests.helpers.login import signed_in_at

pytestmark = pytest.mark.control(86)
TLS = {"TLS_CERTIFICATE": "/c.pem", "TLS_KEY": "/k.pem"}
PUBLIC = "https://alerts.northpark.example"


def environment(**values: str) -> Environment:
    return Environment(Path("/nowhere"), {f"ALERTADMIN_{name}": value for name, value in values.items()})


@pytest.mark.parametrize(
    ("values", "is_in_clear"),
    [
        ({}, False),
        ({"BIND": "localhost:8000"}, False),
        ({"BIND": "127.8.8.8:8000"}, False),
        ({"BIND": "[::1]:8000"}, False),
        ({"BIND": "0.0.0.0:8000"}, True),
        ({"BIND": "[::]:8000"}, True),
        ({"BIND": "10.1.2.3:8000"}, True),
        ({"BIND": "alerts.northpark.example:80"}, True),
        ({"BIND": "0.0.0.0:8000", "PUBLIC_URL": "http://alerts.northpark.example"}, True),
        ({"BIND": "0.0.0.0:8000", "PUBLIC_URL": PUBLIC}, False),
        ({"BIND": "0.0.0.0:8000", **TLS}, False),
    ],
)
def test_12_whether_others_reach_it_in_clear(values: dict[str, str], is_in_clear: bool) -> None:
    assert environment(**values).is_in_clear == is_in_clear


def test_12_it_is_said_on_every_page_and_to_machines(
    client: Client, db: None, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "not encrypted" not in client.get("/sign-in/").content.decode()
    assert setting_checks.bad_settings() == []
    set_environment(settings, BIND="0.0.0.0:8000")
    assert "not encrypted" in client.get("/sign-in/").content.decode()
    assert "n’est pas chiffrée" in client.get("/sign-in/", headers={"accept-language": "fr"}).content.decode()
    assert [bad.error for bad in setting_checks.bad_settings()] == [IN_CLEAR]


def test_12_each_page_says_it_once(client: Client, administrator: User, settings: Settings) -> None:
    """People who read the list of problems find it there, with what to do; on the page that has a row for each, and
    for people of one tenant, it is the short sentence."""
    set_environment(settings, BIND="0.0.0.0:8000")
    signed_in_at(client, administrator)
    listed, short = "passwords and secrets cross the network unencrypted", "This connection is not encrypted"
    for path, sentences in (("/people/", [listed]), ("/", [listed]), ("/watching/", [listed, short])):
        page = client.get(path).content.decode()
        assert [one for one in (listed, short) if one in page] == sentences, path
    Membership.objects.all().delete()
    assert short in client.get("/profile/").content.decode()


def test_12_with_tls_of_its_own_no_proxy_is_believed() -> None:
    own = environment(**TLS)
    assert (own.public_url, own.proxies) == ("https://localhost:8000", 0)
    assert environment(PUBLIC_URL=PUBLIC).proxies == 1
    assert environment(PUBLIC_URL=PUBLIC, **TLS).proxies == 0
    assert environment(PUBLIC_URL=PUBLIC, PROXIES="1", **TLS).proxies == 1


@pytest.mark.parametrize("name", TLS)
def test_12_one_file_alone_is_refused(name: str) -> None:
    with pytest.raises(BadEnvironment, match="must name a PEM file too"):
        _ = environment(**{name: "/x.pem"}).tls


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert("localhost")
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    forms = {
        "key.pem": (PrivateFormat.PKCS8, NoEncryption()),
        "old.pem": (PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        "protected.pem": (PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")),
    }
    for name, (form, protection) in forms.items():
        (folder / name).write_bytes(key.private_bytes(Encoding.PEM, form, protection))
    other = load_pem_private_key(authority.issue_cert("other").private_key_pem.bytes(), None)
    (folder / "other.pem").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "text.pem").write_text("no PEM")
    return folder


@pytest.mark.parametrize(
    ("certificate", "key", "told"),
    [
        ("missing.pem", "key.pem", "TLS_CERTIFICATE: the file .* cannot be read: No such file"),
        ("cert.pem", "missing.pem", "TLS_KEY: the file .* cannot be read"),
        (".", "key.pem", "cannot be read: Is a directory"),
        ("text.pem", "key.pem", "not in PEM format"),
        ("cert.pem", "text.pem", "not in PEM format"),
        ("cert.pem", "other.pem", "do not match"),
        ("key.pem", "key.pem", "cannot be read"),
        ("cert.pem", "protected.pem", "protected by a passphrase"),
        ("cert.pem", "old.pem", "not in PKCS#8 format. Convert it: openssl"),
    ],
)
def test_12_files_that_cannot_be_used_are_one_sentence(files: Path, certificate: str, key: str, told: str) -> None:
    with pytest.raises(BadEnvironment, match=told):
        tls_files.check(files / certificate, files / key)


def test_12_it_serves_over_tls_and_half_a_handshake_holds_nothing(files: Path, tmp_path: Path) -> None:
    tls_files.check(files / "cert.pem", files / "key.pem")
    named = {"ALERTADMIN_TLS_CERTIFICATE": str(files / "cert.pem"), "ALERTADMIN_TLS_KEY": str(files / "key.pem")}
    server = WebServer(tmp_path, **named)
    server.context = ssl.create_default_context(cafile=str(files / "ca.pem"))
    try:
        server.wait_until_ready()
        with contextlib.ExitStack() as held:
            for number in range(40):
                half = held.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                half.sendall(b"\x16\x03\x01" if number % 2 else b"")
            assert server.seconds_of_healthz() < WITHIN
        answer = server.ask(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"strict-transport-security: max-age=31536000" in answer
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as plain, contextlib.suppress(OSError):
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert not plain.recv(100).startswith(b"HTTP/1.1 200")
    finally:
        server.stop()
