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
class Found:
    """Ids in lower case. `codes` are as printed: "AADSTS7000222", "ErrorSendAsDenied", "5.7.60"."""

    codes: tuple[str, ...] = ()
    directory_id: str | None = None
    client_id: str | None = None
    request_ids: dict[str, str] = field(default_factory=dict)


def find(plain_text: str, numbers: list[int], cased: str) -> Found:
    """Ids in a plain view (see `reading`); `numbers` are its AADSTS numbers, `cased` the same text with its case."""
    tenant = _TENANT.search(plain_text)
    client = _CLIENT.search(plain_text)
    codes = [f"AADSTS{number}" for number in numbers] + _NAMED.findall(cased) + _STATUS.findall(plain_text)
    requests = {re.sub("[ _]", "-", match[1]): match[2] for match in _REQUEST.finditer(plain_text)}
    return Found(
        codes=tuple(dict.fromkeys(codes))[:_MOST],
        directory_id=(tenant[1] or tenant[2]) if tenant else None,
        client_id=client[1] if client else None,
        request_ids=dict(list(requests.items())[:_MOST]),
    )
