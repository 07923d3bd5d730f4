"""Opening a stored secret for use. That one is not what was stored for its row, or was stored for another destination,
goes on the record: once for each value, however often it is asked for."""

from __future__ import annotations

import hashlib

from alertadmin import audit
from alertadmin.crypto import reencryption
from alertadmin.crypto.fields import EncryptedValue, Tampered, model_of
from alertadmin.crypto.keyring import Unreadable


def decrypt_audited(sealed: EncryptedValue) -> str:
    """The value. Raises Unreadable. Not within a transaction that is rolled back because of it."""
    try:
        value = sealed.decrypt()
    except Tampered:
        _note(sealed)
        raise
    if not sealed.is_bound:
        reencryption.bind(sealed)
    return value


def is_readable(sealed: EncryptedValue) -> bool:
    try:
        decrypt_audited(sealed)
    except Unreadable:
        return False
    return True


def _note(sealed: EncryptedValue) -> None:
    label, field, key = sealed.row
    digest = hashlib.sha256(sealed.token.encode("utf-8", "replace")).hexdigest()[:16]
    noted = audit.AuditEntry.objects.filter(act=audit.AuditAction.SECRET_UNREADABLE, object_id=str(key))
    if all(entry.details.get("digest") != digest for entry in noted):
        row = model_of(label)._default_manager.filter(pk=key).first()
        audit.record_refusal(
            audit.AuditAction.SECRET_UNREADABLE, row, result=audit.Result.FAILED, kind=field, digest=digest
        )
