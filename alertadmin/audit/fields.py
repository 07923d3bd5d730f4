"""Allow-list of an entry's details, since entries are permanent and many people read them.

A change is recorded with the old and new value if the field is listed here. For other fields, such as encrypted ones,
only the fact of the change is recorded. So a new field stays hidden until it is added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from django.db import models

DETAILS = frozenset(
    {
        "actor",  # the user on whose behalf a command acts, or the recipient of a link
        "app",
        "cause",  # a cause of mailer.diagnosis, or the check that refused
        "changes",
        "count",
        "contacts",
        "counts",
        "deleted_with",  # number of rows deleted by cascade, by model
        "digest",
        "entry",  # id of a related object: a disclosure, a consent redirect, an invitation
        "filter",
        "format",
        "key",  # the key's id, never the key
        "kind",
        "left_out",  # refusals of the same kind in the last hour without an entry of their own
        "method",  # the login method, or how a request was made
        "path",
        "permission",
        "reason",  # as typed by the user
        "place",  # a slug in the clouds file
        "recipient",
        "recipients",
        "role",
        "route",
        "sends_as",
        "state",
        "through",  # number of the last pruned entry
        "transport",
        "triggers",  # problem by trigger of the audit table
        "until",
    }
)
RECORDED_FIELDS = {
    "mfapolicy": "second_factor",
    "tenant": "name directory_id domain cloud time_zone language",
    "appregistration": "name client_id audience redirect_uri permissions",
    "credential": "description kind key_id starts_at expires_at state",
    "mailbox": "address transport server username login_kind app sends_reminders",
    "channel": "name service label line is_last_resort is_paused",
    "monthly": "is_on day emails",
    "policy": "plan has_timing quiet_from quiet_until working_days digest digest_at",
    "membership": "role source",
    "user": "email name time_zone language is_active",
}
"""Fields whose values are recorded, by model name."""
CHANGED = "changed"
MAX_TEXT = 300
"""Max characters of a text."""
MAX_ITEMS = 50
"""Max items of a list."""


class NotListed(ValueError):
    """The detail is not in the allow-list."""


def validate_details(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details in their stored form. Raises NotListed."""
    if unknown := set(details) - DETAILS:
        raise NotListed(f"{', '.join(sorted(unknown))}: not in the allow-list of an audit entry (audit/fields.py).")
    return {name: _to_json(value) for name, value in details.items() if value not in (None, "", {}, [])}


def text(value: object, most: int = MAX_TEXT) -> str:
    """One line that every database and JSON accept: no control characters, no lone surrogates."""
    clean = str(value).encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else " " for character in clean)[:most]


def _to_json(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {text(key, 60): _to_json(one) for key, one in list(value.items())[:MAX_ITEMS]}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return [_to_json(one) for one in list(value)[:MAX_ITEMS]]
    return text(value)


StoredValues = dict[str, Any]


def stored_values(row: models.Model) -> StoredValues:
    """A row's current values in the database; empty if there is no such row."""
    names = [field.attname for field in row._meta.concrete_fields]
    found = row.__class__._base_manager.filter(pk=row.pk).values(*names).first()
    return found or {}


def differences(model: type[models.Model], before: StoredValues, after: StoredValues) -> dict[str, Any]:
    """Changed fields: [old, new], or CHANGED if the values are not recorded."""
    found: dict[str, Any] = {}
    shown = RECORDED_FIELDS.get(model._meta.model_name or "", "").split()
    for field in model._meta.concrete_fields:
        if getattr(field, "is_derived", False):
            continue
        old, new = before.get(field.attname), after.get(field.attname)
        if old != new:
            found[field.name] = [_to_json(old), _to_json(new)] if field.name in shown else CHANGED
    return found
