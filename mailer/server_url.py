"""Addresses of servers as operators write them, `scheme://user:password@host:port/path?option=value`, parsed strictly.

`urllib.parse` alone reads `smtp://a@x.example:pa#ss@relay` as the host x.example and a fragment.
Source: RFC 3986, 3.2 and 2.1.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from urllib.parse import parse_qsl, unquote

from mailer.email_address import ascii_host

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
ESCAPES = {"#": "%23", "/": "%2F", "?": "%3F", "@": "%40", "%": "%25"}
"""How characters with a meaning in an address are written in a user name or password."""


class BadServerUrl(ValueError):
    """The address cannot be used. The message is the rest of a sentence, such as "has no host", without the user name
    and password."""


@dataclass(frozen=True)
class ServerUrl:
    """`host` is lower case, as A-labels, an IPv6 address without brackets; empty only if that was allowed."""

    scheme: str
    host: str
    port: int | None
    username: str = field(repr=False)
    password: str = field(repr=False)
    path: str
    options: Mapping[str, str] = field(repr=False)
    fragment: str = ""

    @property
    def netloc(self) -> str:
        """Host and port, for an address or a message."""
        return host_and_port(self.host, self.port)


def host_and_port(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def parse(text: str, schemes: Collection[str], *, needs_host: bool = True) -> ServerUrl:
    """Raises BadServerUrl."""
    text = text.strip()
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise BadServerUrl("has a space or a line break in it")
    scheme, rest = _scheme_of(text, schemes)
    authority, tail = _split_authority(rest)
    userinfo, at, server = authority.rpartition("@")
    if _LONE_PERCENT.search(userinfo):
        raise BadServerUrl("has a % in its user name or password: write %25 for it")
    username, _colon, password = userinfo.partition(":")
    if at and not username and not password:
        raise BadServerUrl("has an @ without a user name before it")
    host, port = split_host(server)
    if needs_host and not host:
        raise BadServerUrl("names no host")
    path, question, query = tail.partition("#")[0].partition("?")
    return ServerUrl(
        scheme,
        host,
        port,
        unquote(username),
        unquote(password),
        path,
        _options(query) if question else {},
        tail.partition("#")[2],
    )


def _scheme_of(text: str, schemes: Collection[str]) -> tuple[str, str]:
    """The scheme in lower case, and what follows it."""
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)
    match = _SCHEME.match(text)
    if match is None:
        raise BadServerUrl(f"does not begin with {wanted}")
    scheme = match[1].lower()
    if scheme not in schemes:
        raise BadServerUrl(f"begins with {scheme}://, and not with {wanted}")
    return scheme, text[match.end() :]


def _split_authority(rest: str) -> tuple[str, str]:
    """Users, host and port, and the tail from the first `/`, `?` or `#`. An @ in the tail shows that one of these
    stands in a password."""
    end = next((position for position, character in enumerate(rest) if character in "/?#"), len(rest))
    authority, tail = rest[:end], rest[end:]
    before_options = tail.partition("?")[0]
    if "@" in before_options or "@" in tail.partition("#")[2] or ("@" in tail and "@" not in authority):
        found = tail[0]
        raise BadServerUrl(f"has a {found} in its user name or password: write {ESCAPES[found]} for it")
    return authority, tail


def split_host(server: str) -> tuple[str, int | None]:
    """Host and port of `host`, `host:port`, `[IPv6]` or `[IPv6]:port`. Raises BadServerUrl."""
    if server.startswith("["):
        literal, bracket, after = server[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise BadServerUrl("has an IPv6 address that does not end with ]")
        return _ipv6(literal), _port(after[1:]) if after else None
    if server.count(":") > 1:
        raise BadServerUrl("has an IPv6 address without brackets: write [2001:db8::1]")
    name, colon, port = server.partition(":")
    return host_name(name), _port(port) if colon else None


def _ipv6(literal: str) -> str:
    try:
        return str(IPv6Address(literal.replace("%25", "%", 1)))
    except ValueError:
        raise BadServerUrl("has brackets around something that is no IPv6 address") from None


def host_name(name: str) -> str:
    """A DNS name or IPv4 address in lower case, as A-labels, without the final full stop. Raises BadServerUrl."""
    ascii_name = ascii_host(name).lower().removesuffix(".")
    if not name:
        return ""
    if len(ascii_name) > 253 or not all(_LABEL.fullmatch(label) for label in ascii_name.split(".")):
        raise BadServerUrl("has a host name that there cannot be")
    return ascii_name


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65_536:
        raise BadServerUrl("has a port that is no number from 1 to 65535")
    return int(text)


def _options(query: str) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise BadServerUrl("has something after the ? that is no option=value") from None
    if len({name for name, _value in pairs}) != len(pairs):
        raise BadServerUrl("has an option twice")
    return dict(pairs)
