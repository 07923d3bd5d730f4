"""Count the secrets encrypted with each key, find missing keys, add and retire keys."""

from __future__ import annotations

from collections import Counter
from time import monotonic, sleep

from django.db import connection, transaction
from django.db.models import Count, F, IntegerField, Q, Value
from django.db.models.functions import StrIndex, Substr

from alertadmin import audit
from alertadmin.crypto import keyring, messages
from alertadmin.crypto.fields import BOUND_VERSION, VERSION, encrypted_fields
from alertadmin.operator_log import Event, log_event

CACHE_SECONDS = 60.0
"""Seconds to cache that no key is missing: the check reads every row with a secret."""
WRITER_GRACE = 0.5
"""Seconds from a key's removal until a writer that had just loaded the keyring has started its transaction."""


def counts() -> Counter[str]:
    """Stored secrets by key id; malformed values count under the empty id."""
    found: Counter[str] = Counter()
    for model, name in encrypted_fields():
        stored = model._default_manager.filter(**{f"{name}__isnull": False}).order_by()
        encrypted = Q(**{f"{name}__startswith": f"{VERSION}."}) | Q(**{f"{name}__startswith": f"{BOUND_VERSION}."})
        ours = stored.filter(encrypted)
        after = Substr(F(name), len(VERSION) + 2)
        length = StrIndex(after, Value("."), output_field=IntegerField()) - 1
        by_key = ours.annotate(key=Substr(F(name), len(VERSION) + 2, length)).values_list("key").annotate(Count("pk"))
        found.update(dict(by_key))
        if other := stored.exclude(encrypted).count():
            found[""] += other
    return found


def missing() -> tuple[str, ...]:
    """Ids of keys that secrets are encrypted with and the keyring lacks, cached for CACHE_SECONDS. Raises
    KeyringError."""
    global _missing_cache
    available = frozenset(keyring.load().ciphers)
    checked_at, keys, found = _missing_cache
    if keys != available or monotonic() - checked_at > CACHE_SECONDS:
        found = tuple(sorted(counts().keys() - available - {""})) if _uses_other_keys(available) else ()
        _missing_cache = monotonic(), available, found
    return found


_missing_cache: tuple[float, frozenset[str], tuple[str, ...]] = 0.0, frozenset(), ()
"""When it was checked, the keys at that time, and the missing ones."""


def _uses_other_keys(available: frozenset[str]) -> bool:
    for model, name in encrypted_fields():
        known = Q()
        for key_id in available:
            for version in (VERSION, BOUND_VERSION):
                known |= Q(**{f"{name}__startswith": f"{version}.{key_id}."})
        if model._default_manager.filter(**{f"{name}__isnull": False}).exclude(known).exists():
            return True
    return False


def forget() -> None:
    global _missing_cache
    _missing_cache = 0.0, frozenset(), ()


def problem() -> str:
    """Why stored secrets cannot be decrypted, as a coded text; empty if they can."""
    try:
        absent = missing()
    except keyring.KeyringError as error:
        return error.message
    return messages.KEYS_MISSING % {"keys": ", ".join(absent), "file": keyring.storage().name} if absent else ""


def add_primary() -> str:
    """Add a primary key and audit it. Returns its id. Raises KeyringError, OSError."""
    with transaction.atomic():
        key_id = keyring.add_primary()
        audit.record(audit.AuditAction.KEY_ADDED, key=key_id)
    log_event(Event.KEY_ADDED, key=key_id)
    return key_id


class KeyInUse(keyring.KeyringError):
    """`count` stored secrets are encrypted with the key."""

    def __init__(self, key_id: str, count: int) -> None:
        super().__init__(messages.KEY_IN_USE % {"key": key_id, "count": count}, (key_id,))
        self.count = count


def retire(key_id: str) -> None:
    """Remove an unused key from the keyring. Raises KeyInUse, KeyringError, OSError.

    A process that loaded the keyring before may still store a secret encrypted with the key. So the secrets are counted
    again after all such writers have finished, and the key is restored if there is one.
    """
    if count := counts()[key_id]:
        raise KeyInUse(key_id, count)
    restore = keyring.remove(key_id)
    try:
        sleep(WRITER_GRACE)
        with transaction.atomic():
            _wait_for_writers()
            count = counts()[key_id]
            if not count:
                audit.record(audit.AuditAction.KEY_REMOVED, key=key_id)
        if count:
            raise KeyInUse(key_id, count)
    except BaseException:
        restore()
        raise
    log_event(Event.KEY_RETIRED, key=key_id)


def _wait_for_writers() -> None:
    """On SQLite this transaction is the only writer."""
    if connection.vendor == "postgresql":
        names = sorted({model._meta.db_table for model, _name in encrypted_fields()})
        tables = ", ".join(map(connection.ops.quote_name, names))
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {tables} IN SHARE MODE")
