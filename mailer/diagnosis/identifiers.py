"""Identifiers in a pasted text by which a registration can be found: ids, mail addresses, domains and thumbprints of
certificates, anywhere in the text.

`extracted_ids` only reads text that is named as a client's or a directory's id. Here any id counts: the lookup in the
database shows what it identifies. All are in lower case, in the order of the text, each once, and limited in number.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from mailer.diagnosis import normalization
from mailer.diagnosis.extracted_ids import named_ids

MOST_IDS, MOST_ADDRESSES, MOST_DOMAINS, MOST_THUMBPRINTS = 500, 200, 200, 200
_LONGEST = 60_000
"""Characters that are searched: more than for rules, since the text may be a long list of ids."""
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ADDRESS = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})")
_QUOTES = "'`\"=<("
_DOMAIN = re.compile(r"(?<![a-z0-9.@-])(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?![a-z0-9-])")
_HEXADECIMAL = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{40}|[0-9a-f]{64})(?![0-9a-f])")
_BY_PAIRS = re.compile(r"\b[0-9a-f]{2}(?:[: ][0-9a-f]{2}){19}(?:(?:[: ][0-9a-f]{2}){12})?\b")
_BASE64 = re.compile(r"(?<![\w+/=-])(?:[\w+/-]{27}|[\w+/-]{43})(?![\w+/-])", re.ASCII)
"""20 bytes (SHA-1, a JWT's `x5t`) or 32 (SHA-256, `x5t#S256`), in either alphabet."""
_URL_SAFE = str.maketrans("+/", "-_")


@dataclass(frozen=True)
class Identifiers:
    """The identifiers in a text."""

    ids: tuple[str, ...]
    clients: tuple[str, ...]
    directories: tuple[str, ...]
    """Those of the ids that the text names as directory ids (`clients`: as client ids)."""
    addresses: tuple[str, ...]
    domains: tuple[str, ...]
    """Those of the addresses first, then other text in the format of a domain."""
    thumbprints: tuple[str, ...] = ()
    """Possible thumbprints in hexadecimal: SHA-1 or SHA-256."""


def find_identifiers(text: str | bytes) -> Identifiers:
    """Find all identifiers in a text of any size."""
    unwrapped = normalization.unwrap(normalization.as_text(text), _LONGEST)
    plain_text = normalization.normalize_text(unwrapped)
    addressed = list(islice(_ADDRESS.finditer(plain_text), 10 * MOST_ADDRESSES))
    clients, directories = named_ids(plain_text)
    return Identifiers(
        clients=clients,
        directories=directories,
        # Without spaces, to find ids that a line end broke.
        ids=_unique((match[0] for match in _GUID.finditer(normalization.strip_spaces(plain_text))), MOST_IDS),
        addresses=_unique((match[0].lstrip(_QUOTES) for match in addressed), MOST_ADDRESSES),
        domains=_unique(
            [*(match[1] for match in addressed), *(match[0] for match in _DOMAIN.finditer(plain_text))], MOST_DOMAINS
        ),
        thumbprints=_unique(_thumbprints(unwrapped, plain_text), MOST_THUMBPRINTS),
    )


def _thumbprints(unwrapped: str, plain_text: str) -> Iterator[str]:
    """Thumbprints as in PowerShell and the portal, in pairs (`certmgr`, openssl), broken by a line end, or in
    base64."""
    for view in (plain_text, normalization.strip_spaces(plain_text)):
        yield from (match[0] for match in _HEXADECIMAL.finditer(view))
    yield from (re.sub("[: ]", "", match[0]) for match in _BY_PAIRS.finditer(plain_text))
    for match in _BASE64.finditer(unwrapped):
        yield urlsafe_b64decode(match[0].translate(_URL_SAFE) + "=").hex()


def _unique(values: Iterable[str], most: int) -> tuple[str, ...]:
    return tuple(islice(dict.fromkeys(values), most))
