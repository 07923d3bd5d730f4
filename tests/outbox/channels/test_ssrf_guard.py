"""Permitted targets of channels: the table of internal addresses in any notation, and the operator's list."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertadmin import environment
from alertadmin.outbox import messages
from alertadmin.outbox.channels import webhook
from mailer.errors import Acceptance, SendError
from mailer.http import ssrf_guard
from mailer.http.ssrf_guard import EgressAllowlist, is_internal_address
from tests.outbox.channels.conftest import LOOPBACK, NOTICE
from tests.outbox.channels.http_server import HttpServer

pytestmark = pytest.mark.control(44)

NONE = EgressAllowlist()

INSIDE = """
    127.0.0.1 127.1.2.3 127.255.255.254 0.0.0.0 0.1.2.3
    10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255
    100.64.0.1 100.127.255.255 100.100.100.200
    169.254.0.1 169.254.169.254 169.254.170.2 168.63.129.16
    192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9
    224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    ::1 :: ::127.0.0.1 ::10.0.0.1
    ::ffff:127.0.0.1 ::ffff:10.1.2.3 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
    64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1
    2002:7f00:1:: 2002:a9fe:a9fe::1 2002:808:808::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2
    2001:2::1 2001:10::1 2001:db8::1 3fff::1
    fc00::1 fd00::1 fd00:ec2::254 fd20:ce::254 fe80::1 fec0::1 ff02::1 ff0e::1 100::1 5f00::1
    2606:4700::5efe:127.0.0.1 2606:4700::200:5efe:10.0.0.1
""".split()  # noqa: SIM905 (read as a table)
OUTSIDE = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255
    172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
    2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8
""".split()  # noqa: SIM905 (read as a table)
WRITTEN = """
    127.0.0.1 localhost 127.1 127.0.1 2130706433 0x7f000001 0x7f.0.0.1 0177.0.0.1 017700000001 0x7f.1 127.000.000.001
    0 0.0.0.0 [::1] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:0:0:1] [::] [64:ff9b::127.0.0.1] [2002:7f00:1::]
    127.0.0.1. LOCALHOST someone@127.0.0.1 a:b@localhost %31%32%37.0.0.1 127.0.0.2
    169.254.169.254 2852039166 0xa9fea9fe [::ffff:169.254.169.254] [fd00:ec2::254] 10.0.0.1 192.168.1.1 [fe80::1]
    ①②⑦.⓪.⓪.① 127。0。0。1
""".split()  # noqa: SIM905 (read as a table)


def test_the_table_is_as_long_as_it_was_asked_for() -> None:
    assert len(INSIDE) + len(WRITTEN) >= 60
    assert len({*INSIDE}) == len(INSIDE)


@pytest.mark.parametrize("address", INSIDE)
def test_inside(address: str) -> None:
    assert is_internal_address(ip_address(address))
    assert not NONE.permits(address, 443)


@pytest.mark.parametrize("address", OUTSIDE)
def test_outside(address: str) -> None:
    assert not is_internal_address(ip_address(address))
    assert NONE.permits(address, 443)


@given(st.ip_addresses(v=4))
def test_an_address_is_as_much_inside_however_it_is_packed(address: object) -> None:
    for packed in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert NONE.permits(packed, 443) == NONE.permits(str(address), 443)


def test_own_addresses_are_internal_in_any_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssrf_guard, "INSIDE_V4", ())  # as if 127.0.0.5 were a public address that this machine has
    assert not NONE.permits("127.0.0.5", 443)
    assert NONE.permits("10.255.255.254", 443)


@pytest.mark.parametrize("host", WRITTEN)
def test_internal_address_is_refused_in_any_notation(host: str, server: HttpServer) -> None:
    with pytest.raises(SendError) as caught:
        webhook.post(f"http://{host}:{server.port}/hook", NOTICE, allowed=NONE)
    assert server.connections == 0
    assert caught.value.outcome == Acceptance.NOT_SENT
    assert not server.requests


@pytest.mark.control(46)
@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "localhost"])
def test_open_and_closed_internal_ports_give_the_same_error(host: str, server: HttpServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    told = []
    for port in (server.port, closed):
        with pytest.raises(SendError) as caught:
            webhook.post(f"http://{host}:{port}/", NOTICE, allowed=NONE)
        told.append((str(caught.value), caught.value.outcome, caught.value.retry))
    assert told[0] == told[1]
    assert caught.value.technical == messages.INTERNAL_ADDRESS


def test_a_name_that_is_outside_at_first_and_inside_then_leads_nowhere(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ["8.8.8.8", "127.0.0.1"]
    asked: list[str] = []

    def resolve(host: str, port: int, **_hints: object) -> list[object]:
        asked.append(host)
        address = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    socket.getaddrinfo("rebinding.example", server.port)  # the first look-up, whose answer then changes
    with pytest.raises(SendError, match="inside the network"):
        webhook.post(f"http://rebinding.example:{server.port}/", NOTICE, allowed=NONE)
    assert asked == ["rebinding.example"] * 2
    assert server.connections == 0


def test_a_name_with_one_address_inside_is_not_called_at_the_others_either(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, server.port)) for address in ("127.0.0.1", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: rows)
    with pytest.raises(SendError, match="inside the network"):
        webhook.post("http://several.example/", NOTICE, allowed=LOOPBACK)
    assert server.connections == 0


@pytest.mark.parametrize(
    ("text", "address", "port", "permitted"),
    [
        ("10.1.2.0/24", "10.1.2.3", 80, True),
        ("10.1.2.0/24", "10.1.3.3", 80, False),
        ("192.168.1.5:8080", "192.168.1.5", 8080, True),
        ("192.168.1.5:8080", "192.168.1.5", 80, False),
        ("192.168.1.5:8080", "::ffff:192.168.1.5", 8080, True),
        ("10.0.0.0/8:443", "10.9.9.9", 443, True),
        ("10.0.0.0/8:443", "10.9.9.9", 22, False),
        ("[fd00::1]:443", "fd00::1", 443, True),
        ("[fd00::1]:443", "fd00::1", 80, False),
        ("[fd00::/8]:443", "fdff::9", 443, True),
        ("fd00::/8", "fd00::9", 1, True),
        ("::1", "::1", 1, True),
        ("[::1]", "::1", 1, True),
        (" 10.0.0.1 ,, 10.0.0.2 ", "10.0.0.2", 1, True),
        ("fe80::/10", "fe80::1%eth0", 1, True),
        ("", "10.0.0.1", 1, False),
        ("10.0.0.1", "8.8.8.8", 1, True),
        ("10.0.0.1", "no-address", 1, False),
    ],
)
def test_the_operator_lists_what_may_be_called(text: str, address: str, port: int, permitted: bool) -> None:
    allowed = EgressAllowlist.parse(text)
    assert allowed.permits(address, port) == permitted
    assert EgressAllowlist.parse(str(allowed)) == allowed


@pytest.mark.parametrize(
    "text",
    [
        "intranet.example",
        "localhost:80",
        "10.0.0.1/24",
        "10.0.0.0/33",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0.1:http",
        "300.1.1.1",
        "[10.0.0.1",
        "fd00::1/8",
        "10.0.0.1 10.0.0.2",
        "http://10.0.0.1",
        "*",
        "١٠.0.0.1",
        "10.0.0.1:٨٠",
    ],
)
def test_invalid_list_names_the_invalid_part(text: str) -> None:
    settings = environment.Environment(Path(), {"ALERTADMIN_INSIDE_TARGETS": f"10.9.9.9, {text}"})
    with pytest.raises(environment.BadEnvironment) as caught:
        settings.inside_targets  # noqa: B018 (raises)
    assert "ALERTADMIN_INSIDE_TARGETS" in str(caught.value)
    assert f'"{text}"' in str(caught.value)
