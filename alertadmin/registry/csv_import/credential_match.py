"""Finds the stored credential that a row refers to."""

from __future__ import annotations

from collections.abc import Iterable

from alertadmin.registry.csv_import.row_parser import ParsedRow
from alertadmin.registry.models import Credential, CredentialState


def match_credential(row: ParsedRow, known: Iterable[Credential]) -> Credential | None:
    """The credential with the row's key ID, or else with its value, or else with its description and expiry date, or
    else with its description, or else (without a description) the current. One with another key ID or of another kind
    is another.

    Retired credentials match too: importing an old file must not restore a secret that was rotated since.
    """
    known = sorted(known, key=lambda one: one.state == CredentialState.RETIRED)
    if row.key_id and (holder := next((one for one in known if one.key_id == row.key_id), None)):
        return holder
    known = [one for one in known if row.kind in ("", one.kind) and "" in (row.key_id, one.key_id)]
    if row.secret_value and (holder := next((one for one in known if one.holds(row.secret_value)), None)):
        return holder
    # As an export has it: its name, or that it has none, and its expiry date.
    for one in known:
        if (one.description, one.expires_at) == (row.secret_description, row.secret_expires_at):
            return one
    if (row.key_id or row.is_one_of_several) and not row.secret_description:
        # An app may have several secrets without a name: this one was stored before only if it expires then.
        return next((one for one in known if one.expires_at == row.secret_expires_at), None)
    named = [one for one in known if row.secret_description in ("", one.description)]
    for one in named:
        if one.state == CredentialState.RETIRED:
            if not row.secret_value and row.secret_expires_at in (None, one.expires_at):
                return one
        elif row.secret_description or one.state == CredentialState.CURRENT:
            return one
    return None
