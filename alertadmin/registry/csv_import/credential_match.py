"""Finds the stored credential that a row refers to."""

from __future__ import annotations

from collections.abc import Iterable

from alertadmin.registry.csv_import.row_parser import ParsedRow
from alertadmin.registry.models import Credential, CredentialState


def match_credential(row: ParsedRow, known: Iterable[Credential]) -> Credential | None:
    """The credential with the row's value, or else with its description, or else (without a description) the current.

    Retired credentials match too: importing an old file must not restore a secret that was rotated since.
    """
    known = sorted(known, key=lambda one: one.state == CredentialState.RETIRED)
    if row.secret_value and (holder := next((one for one in known if one.holds(row.secret_value)), None)):
        return holder
    named = [one for one in known if row.secret_description in ("", one.description)]
    for one in named:
        if one.state == CredentialState.RETIRED:
            if not row.secret_value and row.secret_expires_at in (None, one.expires_at):
                return one
        elif row.secret_description or one.state == CredentialState.CURRENT:
            return one
    return None
