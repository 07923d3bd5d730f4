"""The client's IP address, behind zero or more trusted proxies."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "0.0.0.0"  # noqa: S104  # nosec B104 (compared with and shown, not bound to)
"""For requests over a Unix socket, or from a proxy that sends no client address."""


def client_ip(request: HttpRequest) -> str:
    """The peer of the outermost trusted proxy. Entries further left in X-Forwarded-For are forgeable."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    proxies: int = settings.PROXIES
    said = hops[-proxies] if 0 < proxies <= len(hops) else request.META.get("REMOTE_ADDR", "")
    return _address(said) or UNKNOWN


def client_network(address: str) -> str:
    """The network one client controls: an IPv4 address, or an IPv6 /64."""
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _address(said: str) -> str:
    """Parse an address without port, mapped IPv4 as IPv4; empty if invalid."""
    if said.startswith("["):
        said = said[1:].partition("]")[0]
    elif said.count(":") == 1:
        said = said.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(said.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
