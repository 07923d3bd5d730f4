"""Which addresses a target that somebody typed into a page may lead to: none inside, but for those the operator allows.

Whoever may name a channel could else make this machine call its own services, its neighbours, or the address at which a
cloud hands out the machine's credentials. What counts is the address that is connected to, at the moment of connecting
(`mailer.http.deadline_sockets.request_deadline`): names, redirects, odd notations and answers of a name server that
change all end in one.
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
"""IANA's registry of special-purpose IPv4 addresses, multicast, and what the clouds add to it."""

OUTSIDE_V6 = IPv6Network("2000::/3")
"""All that IANA has given out for the public; loopback, link-local, unique local and multicast lie elsewhere."""
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
"""Leads to the IPv4 address in its last 32 bits (RFC 6052). Name servers of IPv6-only networks answer with these."""
ISATAP = (0x00005EFE, 0x02005EFE)
"""Before the IPv4 address in the last 32 bits (RFC 5214)."""


class InternalAddress(Exception):
    """The target lies inside. No OSError: it passes through all who retry or reword those. Tells nothing of what is
    there: nothing was connected to."""


def target_address(address: Address) -> Address:
    """The address at which a connection would end: an IPv4 one that is written as IPv6 (mapped, NAT64) is unpacked."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_internal_address(address: Address) -> bool:
    """Whether none of the public internet answers there."""
    address = target_address(address)
    if isinstance(address, IPv4Address):
        return any(address in network for network in INSIDE_V4) or _is_ours(address)
    embeds = (int(address) >> 32) & 0xFFFFFFFF in ISATAP
    return embeds or address not in OUTSIDE_V6 or any(address in network for network in INSIDE_V6) or _is_ours(address)


def _is_ours(address: Address) -> bool:
    """Whether this machine has the address: what reaches it from within passes by the firewall, so a public address of
    its own is as good as 127.0.0.1. A kernel lets nobody take an address that the machine has not; if it is told to
    (ip_nonlocal_bind), it lets that of a documentation be taken too, and nothing can be told."""
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
    """What the operator lets pass: networks, each with a port or with all."""

    targets: tuple[tuple[Network, int | None], ...] = ()

    @classmethod
    def parse(cls, text: str) -> EgressAllowlist:
        """From `10.1.2.0/24, 192.168.1.5:8080, [fd00::1]:443`. Raises ValueError that says which is none."""
        return cls(tuple(_target(part.strip()) for part in text.split(",") if part.strip()))

    def check(self, address: str, port: int) -> None:
        """Raises InternalAddress where an address is not to be connected to. Made for
        `mailer.http.deadline_sockets.request_deadline`."""
        if not self.permits(address, port):
            raise InternalAddress

    def permits(self, address: str, port: int) -> bool:
        """`address` is one as sockets write it: a number, perhaps with a %zone. What is none is not permitted."""
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
        raise ValueError(f'"{part}" is none; names are not taken, since whoever owns a name chooses where it leads')
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
