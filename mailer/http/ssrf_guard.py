"""Guard against server-side request forgery: user-supplied targets must not lead to internal addresses, except those
that the operator allows.

Otherwise a user who may add a channel could make this machine call its own services, its neighbours, or the metadata
service that hands out a cloud machine's credentials. The check applies to the address being connected to, at that
moment (`mailer.http.deadline_sockets.address_check`): it covers names, redirects, unusual notations, and DNS
rebinding.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

INSIDE_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network (RFC 791); Linux takes 0.0.0.0 for this machine
            "10.0.0.0/8",  # private (RFC 1918)
            "100.64.0.0/10",  # shared by carriers (RFC 6598); Alibaba's metadata, 100.100.100.200
            "127.0.0.0/8",  # this machine
            "168.63.129.16/32",  # Azure's own services, as each virtual machine sees them
            "169.254.0.0/16",  # link-local (RFC 3927); the metadata of AWS, Azure, Google
            "172.16.0.0/12",  # private (RFC 1918)
            "192.0.0.0/24",  # protocol assignments (RFC 6890); Oracle's metadata, 192.0.0.192
            "192.0.2.0/24",  # documentation (RFC 5737)
            "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
            "192.168.0.0/16",  # private (RFC 1918)
            "198.18.0.0/15",  # benchmarks (RFC 2544)
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast (RFC 5771)
            "240.0.0.0/4",  # reserved (RFC 1112), broadcast
        ),
    )
)
"""IANA's registry of special-purpose IPv4 addresses, multicast, and addresses added by cloud providers."""

OUTSIDE_V6 = IPv6Network("2000::/3")
"""All public unicast addresses; loopback, link-local, unique local and multicast are outside of it."""
INSIDE_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments (RFC 2928): Teredo, benchmarks, ORCHID
            "2001:db8::/32",  # documentation (RFC 3849)
            "2002::/16",  # 6to4 (RFC 3056): an IPv4 address is in it
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)
NAT64 = IPv6Network("64:ff9b::/96")
"""Translates to the IPv4 address in its last 32 bits (RFC 6052). DNS64 servers of IPv6-only networks return these."""
ISATAP = (0x00005EFE, 0x02005EFE)
"""Precedes the IPv4 address in the last 32 bits (RFC 5214)."""


class InternalAddress(Exception):
    """The target is internal. Not an OSError, so that it passes through code that retries or rewords those. Reveals
    nothing about the target: no connection was made."""


def target_address(address: Address) -> Address:
    """The effective address: an IPv4 address written as IPv6 (mapped, NAT64) is unpacked."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_internal_address(address: Address) -> bool:
    """Whether the address is not on the public internet."""
    address = target_address(address)
    if isinstance(address, IPv4Address):
        return any(address in network for network in INSIDE_V4) or _is_ours(address)
    embeds = (int(address) >> 32) & 0xFFFFFFFF in ISATAP
    return embeds or address not in OUTSIDE_V6 or any(address in network for network in INSIDE_V6) or _is_ours(address)


def _is_ours(address: Address) -> bool:
    """Whether this machine has the address: traffic from within bypasses the firewall, so its own public address is
    equivalent to 127.0.0.1. A bind succeeds only for own addresses; if the kernel allows any (ip_nonlocal_bind), it
    also allows a documentation address, and the test is inconclusive."""
    nobodys = "192.0.2.1" if address.version == 4 else "2001:db8::1"
    return _can_be_taken(str(address)) and not _can_be_taken(nobodys)


def _can_be_taken(address: str) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class EgressAllowlist:
    """Networks that the operator allows, each with one port or all."""

    targets: tuple[tuple[Network, int | None], ...] = ()

    @classmethod
    def parse(cls, text: str) -> EgressAllowlist:
        """Parse `10.1.2.0/24, 192.168.1.5:8080, [fd00::1]:443`. Raises ValueError, which names the invalid part."""
        return cls(tuple(_target(part.strip()) for part in text.split(",") if part.strip()))

    def check(self, address: str, port: int) -> None:
        """Raise InternalAddress if connecting is not allowed. For `mailer.http.deadline_sockets.address_check`."""
        if not self.permits(address, port):
            raise InternalAddress

    def permits(self, address: str, port: int) -> bool:
        """Whether connecting is allowed. `address` is numeric, perhaps with a %zone; anything else is refused."""
        try:
            target = target_address(ip_address(address))
        except ValueError:
            return False
        listed = any(target in network and only in (None, port) for network, only in self.targets)
        return listed or not is_internal_address(target)

    def __str__(self) -> str:
        return ", ".join(_written(network, port) for network, port in self.targets)


_TARGET = re.compile(
    r"\[(?P<bracketed>[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?)\](?::(?P<of_bracketed>[0-9]{1,5}))?"
    r"|(?P<v4>[0-9.]+(?:/[0-9]{1,2})?)(?::(?P<port>[0-9]{1,5}))?"
    r"|(?P<v6>[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:/[0-9]{1,3})?)"
)


def _target(part: str) -> tuple[Network, int | None]:
    match = _TARGET.fullmatch(part)
    if match is None:
        raise ValueError(f'"{part}" is none; names are not taken, since the owner of a name chooses where it leads')
    port = match["of_bracketed"] or match["port"]
    try:
        network = ip_network(match["bracketed"] or match["v4"] or match["v6"])
    except ValueError as error:
        raise ValueError(f'"{part}" is none: {error}') from None
    if port is not None and not 0 < int(port) < 65536:
        raise ValueError(f'"{part}" has a port that there cannot be')
    return network, None if port is None else int(port)


def _written(network: Network, port: int | None) -> str:
    text = str(network.network_address) if network.num_addresses == 1 else str(network)
    if port is None:
        return text
    return f"[{text}]:{port}" if network.version == 6 else f"{text}:{port}"
