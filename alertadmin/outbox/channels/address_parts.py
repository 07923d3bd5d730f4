"""The parts of a channel's address that will be used, to show back what was read: never a token, and no part that may
be one. Stored beside the encrypted address, as (code, value).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Part = tuple[str, Any]
PLAIN = frozenset(
    [
        "alertadmin",
        "alerts",
        "api",
        "automations",
        "direct",
        "hook",
        "hooks",
        "invoke",
        "manual",
        "message",
        "messages",
        "notify",
        "paths",
        "powerautomate",
        "push",
        "rooms",
        "send",
        "services",
        "spaces",
        "triggers",
        "v1",
        "v2",
        "v3",
        "webhook",
        "webhooks",
        "workflows",
    ]
)
"""Segments of a path that are shown; any other may be a token."""
LABELS: dict[str, str | Promise] = {
    "server": gettext_lazy("Server"),
    "encryption": gettext_lazy("Encryption"),
    "path": gettext_lazy("Path"),
    "user": gettext_lazy("User name"),
    "secret": gettext_lazy("Token or password"),
    "targets": gettext_lazy("Destinations"),
    "options": gettext_lazy("Options"),
    "unused": gettext_lazy("Not used"),
}


def of_webhook(url: str) -> list[Part]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    query = parse_qsl(parts.query, keep_blank_values=True)
    shown = [segment if segment in PLAIN else "…" for segment in parts.path.split("/")[1:] if segment]
    return [
        ("server", f"{_host(parts.hostname or '')}:{parts.port or (443 if scheme == 'https' else 80)}"),
        ("encryption", scheme == "https"),
        ("path", "/" + "/".join(shown)),
        ("user", bool(parts.username)),
        ("secret", bool(parts.password)),
        *([("options", len(query))] if query else []),
    ]


def _host(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def described(parts: Sequence[Sequence[Any]]) -> list[tuple[str, str]]:
    """Label and value of each part, in the reader's language. Unknown parts, which a newer release stored, are left
    out."""
    return [(str(LABELS[code]), _value(code, value)) for code, value in parts if code in LABELS]


def _value(code: str, value: Any) -> str:
    if code == "encryption":
        return _("yes, TLS") if value else _("none: everyone on the way can read it")
    if code in ("user", "secret"):
        return _("given") if value else _("none")
    if code == "unused":
        return _("%(names)s: alertadmin decides") % {"names": ", ".join(value)}
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value)


def option_name(name: str) -> str:
    """The name of an option, unless it may be a token itself."""
    return name if re.fullmatch(r"[+:-]?[A-Za-z][A-Za-z_-]{0,24}", name) else "…"
