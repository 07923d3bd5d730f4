"""Ids and codes in a pasted text, to find the registration and for Microsoft's support.

Only text that is named as an id and has the format of an id is extracted, so a secret's value never is.
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
_MAX_IDS = 10


@dataclass(frozen=True)
class ExtractedIds:
    """Ids in lower case. `codes` are as printed: "AADSTS7000222", "ErrorSendAsDenied", "5.7.60"."""

    codes: tuple[str, ...] = ()
    directory_id: str | None = None
    client_id: str | None = None
    request_ids: dict[str, str] = field(default_factory=dict)


def find(plain_text: str, numbers: list[int], cased: str) -> ExtractedIds:
    """Extract ids from a normalized text; `numbers` are its AADSTS numbers, `cased` is the text before case folding."""
    clients, directories = named_ids(plain_text)
    codes = [f"AADSTS{number}" for number in numbers] + _NAMED.findall(cased) + _STATUS.findall(plain_text)
    requests = {re.sub("[ _]", "-", match[1]): match[2] for match in _REQUEST.finditer(plain_text)}
    return ExtractedIds(
        codes=tuple(dict.fromkeys(codes))[:_MAX_IDS],
        directory_id=directories[0] if directories else None,
        client_id=clients[0] if clients else None,
        request_ids=dict(list(requests.items())[:_MAX_IDS]),
    )


def named_ids(plain_text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ids that a normalized text names as client ids and as directory ids: each once, at most `_MAX_IDS`."""
    clients = dict.fromkeys(match[1] for match in _CLIENT.finditer(plain_text))
    directories = dict.fromkeys(match[1] or match[2] for match in _TENANT.finditer(plain_text))
    return tuple(clients)[:_MAX_IDS], tuple(directories)[:_MAX_IDS]
