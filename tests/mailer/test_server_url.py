"""Addresses of servers with logins, as people paste them: read as they are meant, or refused with the mending."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer import server_url
from mailer.server_url import BadServerUrl

SCHEMES = ("smtp", "smtps")

REFUSED: list[tuple[str, str]] = [
    ("relay.example:25", "does not begin with smtp:// or smtps://"),
    ("smtp:relay.example:25", "does not begin with"),
    ("//relay.example", "does not begin with"),
    ("http://relay.example", "begins with http://"),
    ("smtp//relay.example", "does not begin with"),
    # joke2k/django-environ issues 55 and 97, Infisical/infisical issue 2991: # in a password
    ("smtp://user:weg#auwhgeuioweg@relay.example:587", "write %23"),
    ("smtp://user:#password@127.0.0.1:3306", "write %23"),
    ("smtp://a@x.example:pa#ss@relay.example:587", "write %23"),
    ("smtp://a@x.example:12#ss@relay.example:587", "write %23"),
    # jazzband/dj-database-url issue 39, dlevsha/compalex pull request 18: ? or / in a password
    ("smtp://user:foo?bar@relay.example", "write %3F"),
    ("smtp://a@x.example:pa/ss@relay.example", "write %2F"),
    ("smtp://a@x.example:12/ss@relay.example", "write %2F"),
    # statespace-tech/statespace pull request 61
    ("smtp://user:foo*&%^#bar@relay.example", "write %23"),
    ("smtp://user:foo%bar1@relay.example:25x", "has a port"),
    ("smtp://user:50%@relay.example", "write %25"),
    ("smtp://user:hush@", "names no host"),
    ("smtp://", "names no host"),
    ("smtp://:25", "names no host"),
    ("smtp://relay.example:0", "a port that is no number"),
    ("smtp://relay.example:65536", "a port that is no number"),
    ("smtp://relay.example:٢٥", "a port that is no number"),
    ("smtp://relay.example:", "a port that is no number"),
    ("smtp://2001:db8::1", "write [2001:db8::1]"),
    ("smtp://[2001:db8::1", "does not end with ]"),
    ("smtp://[relay.example]:25", "no IPv6 address"),
    ("smtp://relay example", "a space"),
    ("smtp://relay.example\nX: y", "a space or a line break"),
    ("smtp://relay..example", "a host name that there cannot be"),
    ("smtp://-relay.example", "a host name that there cannot be"),
    ("smtp://relay.example?ca_file", "no option=value"),
    ("smtp://relay.example?a=1&a=2", "an option twice"),
]


@pytest.mark.parametrize(("text", "mending"), REFUSED, ids=[text for text, _ in REFUSED])
def test_a_mistake_is_named_with_its_mending(text: str, mending: str) -> None:
    with pytest.raises(BadServerUrl) as caught:
        server_url.parse(text, SCHEMES)
    assert mending in str(caught.value)


READ = [
    # kristijanhusak/vim-dadbod-ui issue 186: @ in a password; only the last one can end it
    ("smtp://user:p@ssword@relay.example:25", ("relay.example", 25, "user", "p@ssword")),
    ("smtp://a@x.example:secret@relay.example", ("relay.example", None, "a@x.example", "secret")),
    ("SMTP://Relay.Example.", ("relay.example", None, "", "")),
    ("smtp://[2001:DB8:0::1]:587", ("2001:db8::1", 587, "", "")),
    ("smtp://straße.example", ("xn--strae-oqa.example", None, "", "")),
    ("  smtp://relay.example\t", ("relay.example", None, "", "")),
    ("smtp://u:%F0%9F%94%91%3A%2F@relay_1.example", ("relay_1.example", None, "u", "🔑:/")),
    ("smtp://user:a:b:c@10.0.0.5", ("10.0.0.5", None, "user", "a:b:c")),
]


@pytest.mark.parametrize(("text", "expected"), READ, ids=[text for text, _ in READ])
def test_what_has_one_meaning_is_read(text: str, expected: tuple[str, int | None, str, str]) -> None:
    url = server_url.parse(text, SCHEMES)
    assert (url.host, url.port, url.username, url.password) == expected


@given(username=st.text(min_size=1), password=st.text(), port=st.integers(1, 65_535))
def test_any_login_that_is_escaped_comes_back(username: str, password: str, port: int) -> None:
    try:
        text = f"smtp://{quote(username, safe='')}:{quote(password, safe='')}@relay.example:{port}"
    except UnicodeEncodeError:
        return  # a lone surrogate is no text
    url = server_url.parse(text, SCHEMES)
    assert (url.username, url.password, url.host, url.port) == (username, password, "relay.example", port)


@given(password=st.text(st.sampled_from("ab1#/?@%: "), min_size=1, max_size=12))
def test_no_password_is_taken_for_another_host(password: str) -> None:
    """An unescaped password leads to the relay that is meant, or to none."""
    shown, found = "", ("relay.example", 25)
    try:
        url = server_url.parse(f"smtp://user@x.example:canary{password}@relay.example:25", SCHEMES)
        shown, found = repr(url), (url.host, url.port or 0)
    except BadServerUrl as error:
        shown = str(error)
    assert found == ("relay.example", 25)
    assert "canary" not in shown
