"""From where a request comes: the network address of the person's machine, not that of our own proxy."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "0.0.0.0"  # noqa: S104  # nosec B104 (compared with and shown, not bound to)
"""Of a request that came by a Unix socket, or by a proxy that does not say for whom."""


def client_ip(request: HttpRequest) -> str:
    """What the outermost of our proxies was asked from; whatever stands further left, anybody may have written."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    proxies: int = settings.PROXIES
    said = hops[-proxies] if 0 < proxies <= len(hops) else request.META.get("REMOTE_ADDR", "")
    return _address(said) or UNKNOWN


def client_network(address: str) -> str:
    """What one person commands of the network: an IPv4 address, or a whole /64 of IPv6."""
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _address(said: str) -> str:
    """Without a port; an IPv4 address inside IPv6 as itself; nothing if it is no address."""
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
