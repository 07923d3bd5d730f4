"""Item 10: the client's address is what the operator's own proxies say, in any notation of the header."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from pytest_django import Settings

from alertadmin.accounts.client_ip import client_ip
from alertadmin.supervisor.wsgi_bridge import RequestRefused, environ_of

pytestmark = pytest.mark.control(87)

STRANGER, PROXY, OUTER, FORGED = "203.0.113.9", "127.0.0.1", "198.51.100.7", "6.6.6.6"


def request(*headers: tuple[str, str], client: str = PROXY) -> WSGIRequest:
    """As granian hands it over: names as they were sent, in their order."""
    scope: dict[str, Any] = {
        "method": "GET",
        "raw_path": b"/",
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", "8000"),
        "client": (client, "4711"),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
    }
    return WSGIRequest(environ_of(scope))


FORGERIES: dict[str, list[tuple[str, str]]] = {
    "nothing": [],
    "underscores": [("X_Forwarded_For", FORGED)],
    "one underscore": [("X-Forwarded_For", FORGED)],
    "underscores and a list": [("X_Forwarded_For", f"{FORGED}, {FORGED}, {FORGED}")],
    "Forwarded": [("Forwarded", f"for={FORGED}")],
    "X-Real-IP": [("X-Real-IP", FORGED)],
    "X-Client-IP": [("X-Client-IP", FORGED)],
    "True-Client-IP": [("True-Client-IP", FORGED)],
    "CF-Connecting-IP": [("CF-Connecting-IP", FORGED)],
    "Remote-Addr": [("Remote-Addr", FORGED), ("Remote_Addr", FORGED)],
    "a header before": [("X-Forwarded-For", FORGED)],
    "a list before": [("X-Forwarded-For", f"{FORGED},{FORGED} , {FORGED}")],
    "commas": [("X-Forwarded-For", f",,{FORGED},, ,")],
    "spaces": [("X-Forwarded-For", f" \t{FORGED} \t")],
    "words": [("X-Forwarded-For", "unknown, localhost, _hidden, ::1%eth0, [::1]:80")],
    "quotes": [("X-Forwarded-For", f'"{FORGED}')],
}


@pytest.mark.parametrize("proxies", [0, 1, 2])
@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_10_no_header_of_a_stranger_says_where_they_are(
    settings: Settings, proxies: int, as_list: bool, forgery: str
) -> None:
    """A proxy adds to the header as a list, or writes one of its own after it."""
    settings.PROXIES = proxies
    sent = FORGERIES[forgery]
    hops = [STRANGER, OUTER][:proxies]
    if as_list:
        before = [value for name, value in sent if name == "X-Forwarded-For"]
        others = [(name, value) for name, value in sent if name != "X-Forwarded-For"]
        headers = [*others, ("X-Forwarded-For", ", ".join([*before, *hops]))] if hops else sent
    else:
        headers = [*sent, *(("X-Forwarded-For", hop) for hop in hops)]
    client = PROXY if proxies else STRANGER
    assert client_ip(request(*headers, client=client)) == STRANGER


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("203.0.113.9:4711", STRANGER),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:203.0.113.9", STRANGER),
    ],
)
def test_10_what_a_proxy_writes_is_read_however_it_is_written(settings: Settings, written: str, meant: str) -> None:
    settings.PROXIES = 1
    assert client_ip(request(("X_Forwarded_For", FORGED), ("X-Forwarded-For", written))) == meant


@pytest.mark.parametrize("name", ["X_Request_Id", "Content_Length", "X_Forwarded_Proto", "Proxy", "HTTP_HOST", "_"])
def test_10_no_name_with_an_underscore_reaches_the_application(name: str) -> None:
    assert FORGED not in {value for value in request((name, FORGED)).META.values() if isinstance(value, str)}


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Content-Type"])
def test_10_what_may_stand_once_is_refused_twice(name: str) -> None:
    with pytest.raises(RequestRefused):
        request((name, "1"), (name, "2"))
