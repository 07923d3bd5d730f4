"""Opening a stored secret for use. That one is not what was stored for its row, or was stored for another destination,
goes on the record: once for each value, however often it is asked for."""

from __future__ import annotations

import hashlib

from django.apps import apps

from alertadmin.accounts import audit
from alertadmin.registry import rotation
from alertadmin.registry.encryption import Sealed, Tampered
from alertadmin.registry.keyring import Unreadable


def opened(sealed: Sealed) -> str:
    """The value. Raises Unreadable. Not within a transaction that is rolled back because of it."""
    try:
        value = sealed.reveal()
    except Tampered:
        _note(sealed)
        raise
    if not sealed.is_bound:
        rotation.bind(sealed)
    return value


def is_readable(sealed: Sealed) -> bool:
    try:
        opened(sealed)
    except Unreadable:
        return False
    return True


def _note(sealed: Sealed) -> None:
    label, field, key = sealed.row
    digest = hashlib.sha256(sealed.token.encode("utf-8", "replace")).hexdigest()[:16]
    noted = audit.AuditEntry.objects.filter(act=audit.Act.SECRET_UNREADABLE, object_id=str(key))
    if all(entry.details.get("digest") != digest for entry in noted):
        row = apps.get_model(label)._default_manager.filter(pk=key).first()
        audit.record_alone(audit.Act.SECRET_UNREADABLE, row, result=audit.Result.FAILED, kind=field, digest=digest)
