"""Identity and groups from the claims of an ID token. No I/O.

Identity is never derived from an e-mail address: directory administrators, or users themselves, can change it freely.
Issuer and subject identify a user; the address is for display.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alertadmin.accounts.oidc.id_token import shows_second_factor
from alertadmin.accounts.oidc.provider import Grant, Provider

Claims = Mapping[str, Any]
LONGEST_SUBJECT = 255
"""Characters (OpenID Connect Core, 2)."""


class ClaimMismatch(ValueError):
    """The token is valid but not for this provider or tenant; the message is for the log only."""


@dataclass(frozen=True, slots=True)
class Identity:
    uid: str
    """SHA-256 of issuer and subject, in hexadecimal: a subject may be longer than a column."""
    name: str
    address: str
    """As stated by the provider; unproven."""
    grants: frozenset[Grant]
    showed_second_factor: bool
    """Whether the provider verified a second factor at this sign-in."""
    has_too_many_groups: bool
    """The provider omitted the groups from the token."""


def read(claims: Claims, provider: Provider) -> Identity:
    """Read verified claims. Raises ClaimMismatch. The caller has checked signature, audience, issuer and times."""
    if claims.get("iss") != provider.issuer:
        raise ClaimMismatch(f"The issuer is {claims.get('iss')!r}, not {provider.issuer}.")
    if provider.entra_tenant is not None and str(claims.get("tid", "")).lower() != provider.entra_tenant:
        raise ClaimMismatch(f"The tenant is {claims.get('tid')!r}, not {provider.entra_tenant}.")
    subject = claims.get(provider.subject_claim)
    if not isinstance(subject, str) or not subject:
        raise ClaimMismatch(f"The claim {provider.subject_claim} is missing.")
    if len(subject) > LONGEST_SUBJECT or not subject.isprintable():
        raise ClaimMismatch(f"The claim {provider.subject_claim} is no name of anybody.")
    return Identity(
        uid=hashlib.sha256(f"{provider.issuer}\n{subject}".encode()).hexdigest(),
        name=single_line(claims.get("name"), 120),
        address=single_line(claims.get("email"), 320) or single_line(claims.get("preferred_username"), 320),
        grants=frozenset(grant for group in _groups(claims, provider) for grant in provider.grants.get(group, ())),
        showed_second_factor=shows_second_factor(claims, provider.second_factor_context),
        has_too_many_groups=_is_overage(claims, provider),
    )


def _groups(claims: Claims, provider: Provider) -> list[str]:
    found: list[str] = []
    for claim in provider.group_claims:
        value = claims.get(claim)
        # Some providers send a single group as a string instead of a list.
        values = value if isinstance(value, list) else [value]
        found += [one for one in values if isinstance(one, str)]
    return found


def _is_overage(claims: Claims, provider: Provider) -> bool:
    """Entra's groups overage: the token has a pointer to the groups instead of the groups."""
    elsewhere = claims.get("_claim_names")
    named = set(elsewhere) if isinstance(elsewhere, dict) else set()
    return bool(named & set(provider.group_claims)) or claims.get("hasgroups") in (True, "true")


def single_line(value: object, most: int) -> str:
    """Normalise to one line of at most `most` printable characters; empty if the value is not text.

    A line break in a name must not inject mail headers, and a bidirectional control must not reorder the text around
    it.
    """
    if not isinstance(value, str):
        return ""
    return " ".join("".join(one if one.isprintable() else " " for one in value[: 4 * most]).split())[:most].strip()
