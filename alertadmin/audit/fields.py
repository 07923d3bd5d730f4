"""What may stand in an entry's details: a fixed list, because an entry is for ever and is read by many.

Of changed fields the old and the new value, where the field is listed here; of any other, sealed ones above all, only
that it changed. So a new field shows nothing until somebody decides that it may.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from django.db import models

NAMES = frozenset(
    {
        "actor",  # on whose behalf a command, or who comes with a link, acts
        "app",
        "cause",  # a slug of mailer.diagnosis, or of who refused
        "changes",
        "count",
        "contacts",
        "counts",
        "deleted_with",  # how many of what went along
        "digest",
        "entry",  # another record: a handover, a return from consent
        "filter",
        "format",
        "key",  # a key's id, never the key
        "kind",
        "left_out",  # refusals of the same kind within the last hours that have no entry of their own
        "method",  # by which a person signed in, or a request came
        "path",
        "permission",
        "reason",  # as a person typed it
        "place",  # a name in the operator's clouds file
        "recipient",
        "recipients",
        "role",
        "route",
        "sends_as",
        "state",
        "through",  # the last entry that was pruned
        "transport",
        "triggers",  # of the audit trail's table, by name what was wrong with each
        "until",
    }
)
FIELDS = {
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
"""Fields whose values may be shown, by the model's name."""
CHANGED = "changed"
LONGEST = 300
"""Characters of one text."""
MOST = 50
"""Entries of one list."""


class NotListed(ValueError):
    """A detail that nobody has decided about."""


def checked(details: Mapping[str, Any]) -> dict[str, Any]:
    """As it is stored. Raises NotListed."""
    if unknown := set(details) - NAMES:
        raise NotListed(f"{', '.join(sorted(unknown))}: not among what an audit entry may hold (audit/details.py).")
    return {name: _plain(value) for name, value in details.items() if value not in (None, "", {}, [])}


def text(value: object, most: int = LONGEST) -> str:
    """One line that every database and JSON takes: no control characters, no half of a surrogate pair."""
    clean = str(value).encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else " " for character in clean)[:most]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {text(key, 60): _plain(one) for key, one in list(value.items())[:MOST]}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return [_plain(one) for one in list(value)[:MOST]]
    return text(value)


Stored = dict[str, Any]


def stored(row: models.Model) -> Stored:
    """A row's fields as the database has them now; nothing if it has no such row."""
    names = [field.attname for field in row._meta.concrete_fields]
    found = row.__class__._base_manager.filter(pk=row.pk).values(*names).first()
    return found or {}


def differences(model: type[models.Model], before: Stored, after: Stored) -> dict[str, Any]:
    """By field: [old, new], or that it changed."""
    found: dict[str, Any] = {}
    shown = FIELDS.get(model._meta.model_name or "", "").split()
    for field in model._meta.concrete_fields:
        if getattr(field, "is_derived", False):
            continue
        old, new = before.get(field.attname), after.get(field.attname)
        if old != new:
            found[field.name] = [_plain(old), _plain(new)] if field.name in shown else CHANGED
    return found
