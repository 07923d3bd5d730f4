"""Which key seals how many stored secrets, which of those keys are missing, and the end of a key that seals none."""

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

FRESH = 60.0
"""Seconds for which it is believed that no key is missing: finding out reads every row that holds a secret."""
CLOSING = 0.5
"""Seconds from a key's removal until whoever had just read the ring has begun to write."""


def counts() -> Counter[str]:
    """Stored secrets by the key's id; what is no ciphertext of ours counts under the empty one."""
    found: Counter[str] = Counter()
    for model, name in encrypted_fields():
        stored = model._default_manager.filter(**{f"{name}__isnull": False}).order_by()
        sealed = Q(**{f"{name}__startswith": f"{VERSION}."}) | Q(**{f"{name}__startswith": f"{BOUND_VERSION}."})
        ours = stored.filter(sealed)
        after = Substr(F(name), len(VERSION) + 2)
        length = StrIndex(after, Value("."), output_field=IntegerField()) - 1
        by_key = ours.annotate(key=Substr(F(name), len(VERSION) + 2, length)).values_list("key").annotate(Count("pk"))
        found.update(dict(by_key))
        if other := stored.exclude(sealed).count():
            found[""] += other
    return found


def missing() -> tuple[str, ...]:
    """The ids of keys that seal something and are not in the ring, as of a minute ago. Raises KeyringError."""
    global _known
    at_hand = frozenset(keyring.load().ciphers)
    looked_at, of, found = _known
    if of != at_hand or monotonic() - looked_at > FRESH:
        found = tuple(sorted(counts().keys() - at_hand - {""})) if _any_other_than(at_hand) else ()
        _known = monotonic(), at_hand, found
    return found


_known: tuple[float, frozenset[str], tuple[str, ...]] = 0.0, frozenset(), ()
"""When it was looked at, by which keys, and what was found."""


def _any_other_than(at_hand: frozenset[str]) -> bool:
    for model, name in encrypted_fields():
        known = Q()
        for key_id in at_hand:
            for version in (VERSION, BOUND_VERSION):
                known |= Q(**{f"{name}__startswith": f"{version}.{key_id}."})
        if model._default_manager.filter(**{f"{name}__isnull": False}).exclude(known).exists():
            return True
    return False


def forget() -> None:
    global _known
    _known = 0.0, frozenset(), ()


def problem() -> str:
    """Why stored secrets cannot be used, as a coded text; empty while all is well."""
    try:
        absent = missing()
    except keyring.KeyringError as error:
        return error.message
    return messages.KEYS_MISSING % {"keys": ", ".join(absent), "file": keyring.storage().name} if absent else ""


def add_primary() -> str:
    """A new primary key, on the record; returns its id. Raises KeyringError, OSError."""
    with transaction.atomic():
        key_id = keyring.add_primary()
        audit.record(audit.AuditAction.KEY_ADDED, key=key_id)
    log_event(Event.KEY_ADDED, key=key_id)
    return key_id


class KeyInUse(keyring.KeyringError):
    """The key seals `count` stored secrets."""

    def __init__(self, key_id: str, count: int) -> None:
        super().__init__(messages.KEY_IN_USE % {"key": key_id, "count": count}, (key_id,))
        self.count = count


def retire(key_id: str) -> None:
    """Takes a key that seals nothing out of the ring. Raises InUse, KeyringError, OSError.

    Whoever read the ring before may be about to store something under it. So it is counted again once nobody can be,
    and the key put back if something came.
    """
    if count := counts()[key_id]:
        raise KeyInUse(key_id, count)
    put_back = keyring.remove(key_id)
    try:
        sleep(CLOSING)
        with transaction.atomic():
            _wait_for_writers()
            count = counts()[key_id]
            if not count:
                audit.record(audit.AuditAction.KEY_REMOVED, key=key_id)
        if count:
            raise KeyInUse(key_id, count)
    except BaseException:
        put_back()
        raise
    log_event(Event.KEY_RETIRED, key=key_id)


def _wait_for_writers() -> None:
    """SQLite has one writer, which is now this transaction."""
    if connection.vendor == "postgresql":
        names = sorted({model._meta.db_table for model, _name in encrypted_fields()})
        tables = ", ".join(map(connection.ops.quote_name, names))
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {tables} IN SHARE MODE")
