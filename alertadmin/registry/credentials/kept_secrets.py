"""Secrets of forms that were refused: kept encrypted for an hour, found by the same user at the same form only."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from alertadmin.accounts.models import User
from alertadmin.clock_skew import CLOCKS_DIFFER
from alertadmin.crypto.keyring import Unreadable
from alertadmin.registry import guid
from alertadmin.registry.models.kept_secret import KEPT_FOR, MAX_PATH, KeptSecret

MAX_LENGTH = 20_000
"""Characters. Longer is no secret, and its form refuses it."""
MAX_PER_PERSON = 20
"""The newest stay: a page that is submitted over and over fills no table."""


def keep(value: str, person: User, path: str, field: str, now: datetime) -> KeptSecret | None:
    """Keep what was entered in a field. None if it is too long, or the path is. Raises KeyringError without a key."""
    remove_expired(now)
    if len(value) > MAX_LENGTH or len(path) > MAX_PATH:
        return None
    kept = KeptSecret(person=person, path=path, field=field, created_at=now, expires_at=now + KEPT_FOR)
    kept.value = value
    kept.save(force_insert=True)
    newest = KeptSecret.objects.filter(person=person).order_by("-created_at", "-pk").values_list("pk", flat=True)
    KeptSecret.objects.filter(pk__in=list(newest[MAX_PER_PERSON : 2 * MAX_PER_PERSON])).delete()
    return kept


def find(key: str, person: User, path: str, field: str, now: datetime) -> tuple[KeptSecret, str] | None:
    """The kept secret with this ID and its value; None if it is another form's or user's, expired or unreadable."""
    if not guid.is_guid(key):
        return None
    pk = guid.normalize(key)
    kept = KeptSecret.objects.filter(pk=pk, person=person, path=path, field=field, expires_at__gt=now).first()
    if kept is None or kept.value is None or kept.created_at > now + CLOCKS_DIFFER:
        return None
    try:
        return kept, kept.value.decrypt()
    except Unreadable:
        return None


def remove_expired(now: datetime) -> int:
    """Delete what was kept for its hour; returns how many. A clock that ran ahead cannot keep one longer."""
    old = Q(expires_at__lt=now) | Q(created_at__gt=now + CLOCKS_DIFFER)
    return KeptSecret.objects.filter(old).delete()[0]
