"""Hosts that are reached without the outbound proxy, in the notation of NO_PROXY that curl and Go share."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from mailer import server_url
from mailer.server_url import BadServerUrl

LINK_LOCAL = (IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10"))
"""Addresses of this network segment alone, such as the metadata service of a cloud's machine: never through a proxy."""


@dataclass(frozen=True)
class _Entry:
    name: str = ""
    """A host name, with all below it; `*` for every host."""
    network: IPv4Network | IPv6Network | None = None
    port: int | None = None

    def includes(self, host: str, port: int) -> bool:
        if self.port not in (None, port):
            return False
        if self.network is not None:
            try:
                return ip_address(host) in self.network
            except ValueError:
                return False
        return self.name == "*" or host == self.name or host.endswith(f".{self.name}")


@dataclass(frozen=True)
class NoProxy:
    entries: tuple[_Entry, ...] = ()
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> NoProxy:
        """Parse `*`, `host`, `.suffix`, `*.suffix`, `10.0.0.0/8`, `[fd00::1]:8443` or `host:port`, divided by commas or
        white space. Raises ValueError, which quotes the invalid part."""
        return cls(tuple(_entry(part) for part in text.replace(",", " ").split()), text)

    def includes(self, host: str, port: int) -> bool:
        name = host.strip("[]").rstrip(".").lower()
        try:
            if any(ip_address(name.partition("%")[0]) in network for network in LINK_LOCAL):
                return True
        except ValueError:
            pass
        return any(entry.includes(name, port) for entry in self.entries)


def _entry(part: str) -> _Entry:
    if part == "*":
        return _Entry("*")
    try:
        return _Entry(network=ip_network(part.strip("[]") if "/" not in part else part, strict=False))
    except ValueError:
        pass
    try:
        host, port = server_url.split_host(part.removeprefix("*.").removeprefix("."))
    except BadServerUrl:
        host, port = "", None
    if not host:
        raise ValueError(f'"{part}" is none')
    try:
        return _Entry(network=ip_network(host), port=port)
    except ValueError:
        return _Entry(host, port=port)
