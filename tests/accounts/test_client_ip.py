"""The client's address: from the trusted proxies only, never from a header that the client wrote."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from alertadmin.accounts.client_ip import UNKNOWN, client_ip, client_network
from alertadmin.environment import BadEnvironment, Environment

pytestmark = pytest.mark.control(20)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "remote", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1", "192.0.2.1"),
        (1, "", "192.0.2.1", "192.0.2.1"),
        (1, "203.0.113.9", "127.0.0.1", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "127.0.0.1", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9,10.0.0.1", "127.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "127.0.0.1", "127.0.0.1"),
        (1, "203.0.113.9:4711", "127.0.0.1", "203.0.113.9"),
        (1, "[2001:db8::1]:4711", "127.0.0.1", "2001:db8::1"),
        (1, "2001:DB8:0::1", "127.0.0.1", "2001:db8::1"),
        (1, "::ffff:203.0.113.9", "127.0.0.1", "203.0.113.9"),
        (1, "unknown", "127.0.0.1", UNKNOWN),
        (0, "", "", UNKNOWN),
        (0, "", "fe80::1%eth0", "fe80::1"),
    ],
)
def test_the_address_is_what_the_outermost_of_our_proxies_was_asked_from(
    settings: Settings, proxies: int, forwarded: str, remote: str, address: str
) -> None:
    settings.PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=remote, headers={"x-forwarded-for": forwarded})
    assert client_ip(request) == address


def test_a_network_is_what_one_person_commands() -> None:
    assert client_network("192.0.2.1") == "192.0.2.1"
    assert client_network("2001:db8::1") == client_network("2001:db8::ffff:1") == "2001:db8::/64"


def test_one_proxy_is_believed_behind_tls_unless_the_operator_says_otherwise(tmp_path: object) -> None:
    def proxies(**values: str) -> int:
        return Environment(tmp_path, {f"ALERTADMIN_{name}": value for name, value in values.items()}).proxies  # type: ignore[arg-type]

    assert proxies() == 0
    assert proxies(PUBLIC_URL="https://alerts.example") == 1
    assert proxies(PUBLIC_URL="https://alerts.example", PROXIES="2") == 2
    with pytest.raises(BadEnvironment, match="such as 1"):
        proxies(PROXIES="all")
