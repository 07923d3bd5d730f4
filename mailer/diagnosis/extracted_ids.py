"""Ids and codes that stand in a pasted text: what a registration is recognised by, what Microsoft's support asks for.

Only from places where an id is named as one, and only in an id's shape: a secret's value is never picked up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_GUID = r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_GAP = r"[ '\"():=\[{<]{1,4}"
_CLIENT = re.compile(
    r"(?:client_?id|app_?id|application(?: ?\(client\))?(?: with)?(?: identifier| id)?|for app|client application"
    rf"|application avec l'identificateur|anwendung mit (?:dem bezeichner|der id)){_GAP}{_GUID}"
)
_TENANT = re.compile(
    r"(?:tenant_?(?: ?id| guid| identifier)?|directory(?: ?\(tenant\))?(?: id)?|locataire|mandant(?:en)?|\btid)"
    rf"{_GAP}{_GUID}"
    rf"|(?:login\.microsoftonline\.(?:com|us)|login\.partner\.microsoftonline\.cn|sts\.windows\.net)/{_GUID}"
)
_REQUEST = re.compile(
    rf"\b(trace[ _-]?id|correlation[ _-]?id|client-request-id|x-ms-request-id|request[ _-]?id){_GAP}{_GUID}"
)
_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,2}\.\d{1,3})(?!\d|\.\d)")
_NAMED = re.compile(r"\bError[A-Z][A-Za-z]{3,60}\b")
_MOST = 10


@dataclass(frozen=True)
class ExtractedIds:
    """Ids in lower case. `codes` are as printed: "AADSTS7000222", "ErrorSendAsDenied", "5.7.60"."""

    codes: tuple[str, ...] = ()
    directory_id: str | None = None
    client_id: str | None = None
    request_ids: dict[str, str] = field(default_factory=dict)


def find(plain_text: str, numbers: list[int], cased: str) -> ExtractedIds:
    """Ids in a plain view (see `reading`); `numbers` are its AADSTS numbers, `cased` the same text with its case."""
    clients, directories = named(plain_text)
    codes = [f"AADSTS{number}" for number in numbers] + _NAMED.findall(cased) + _STATUS.findall(plain_text)
    requests = {re.sub("[ _]", "-", match[1]): match[2] for match in _REQUEST.finditer(plain_text)}
    return ExtractedIds(
        codes=tuple(dict.fromkeys(codes))[:_MOST],
        directory_id=directories[0] if directories else None,
        client_id=clients[0] if clients else None,
        request_ids=dict(list(requests.items())[:_MOST]),
    )


def named(plain_text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids that a plain view names as a client's, and those that it names as a directory's: each once, a few of them."""
    clients = dict.fromkeys(match[1] for match in _CLIENT.finditer(plain_text))
    directories = dict.fromkeys(match[1] or match[2] for match in _TENANT.finditer(plain_text))
    return tuple(clients)[:_MOST], tuple(directories)[:_MOST]
