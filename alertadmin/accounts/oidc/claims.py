"""Who somebody is, by what their provider says of them; pure.

Nothing here goes by an e-mail address: at Entra and elsewhere it is whatever an administrator of some directory, or the
person, wrote there. Issuer and subject name a person; the address is for reading alone.
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
    """The token is whole, but not of who may come by this provider; the message is for the log alone."""


@dataclass(frozen=True, slots=True)
class Identity:
    uid: str
    """Of issuer and subject, 64 hexadecimal digits: a subject may be longer than a column."""
    name: str
    address: str
    """As the provider says; proven by nobody."""
    grants: frozenset[Grant]
    showed_second_factor: bool
    """As the provider says of this very sign-in."""
    has_too_many_groups: bool
    """The provider left their groups out of the token."""


def read(claims: Claims, provider: Provider) -> Identity:
    """Raises ClaimMismatch. Signature, audience, issuer and times were looked at before."""
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
        name=line(claims.get("name"), 120),
        address=line(claims.get("email"), 320) or line(claims.get("preferred_username"), 320),
        grants=frozenset(grant for group in _groups(claims, provider) for grant in provider.grants.get(group, ())),
        showed_second_factor=shows_second_factor(claims, provider.second_factor_context),
        has_too_many_groups=_is_overage(claims, provider),
    )


def _groups(claims: Claims, provider: Provider) -> list[str]:
    found: list[str] = []
    for claim in provider.group_claims:
        value = claims.get(claim)
        # Some providers write a single group without a list around it.
        values = value if isinstance(value, list) else [value]
        found += [one for one in values if isinstance(one, str)]
    return found


def _is_overage(claims: Claims, provider: Provider) -> bool:
    """Entra's word for "in more groups than a token holds": where they would stand, it says where to ask."""
    elsewhere = claims.get("_claim_names")
    named = set(elsewhere) if isinstance(elsewhere, dict) else set()
    return bool(named & set(provider.group_claims)) or claims.get("hasgroups") in (True, "true")


def line(value: object, most: int) -> str:
    """One line of printable characters, such as every database, header and page takes; nothing of what is no text.

    A line break in a name must not begin a mail anew, nor a change of writing direction turn what stands beside it.
    """
    if not isinstance(value, str):
        return ""
    return " ".join("".join(one if one.isprintable() else " " for one in value[: 4 * most]).split())[:most].strip()
