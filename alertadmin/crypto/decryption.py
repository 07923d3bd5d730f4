"""Decryption of stored secrets for use. A tampered value is audited once, however often it is read."""

from __future__ import annotations

import hashlib

from alertadmin import audit
from alertadmin.crypto import reencryption
from alertadmin.crypto.fields import EncryptedValue, Tampered, model_of
from alertadmin.crypto.keyring import Unreadable


def decrypt_audited(encrypted: EncryptedValue) -> str:
    """The plaintext. Raises Unreadable. Do not call within a transaction that rolls back on it."""
    try:
        value = encrypted.decrypt()
    except Tampered:
        _audit_tampering(encrypted)
        raise
    if not encrypted.is_bound:
        reencryption.bind(encrypted)
    return value


def is_readable(encrypted: EncryptedValue) -> bool:
    try:
        decrypt_audited(encrypted)
    except Unreadable:
        return False
    return True


def _audit_tampering(encrypted: EncryptedValue) -> None:
    label, field, key = encrypted.row
    digest = hashlib.sha256(encrypted.token.encode("utf-8", "replace")).hexdigest()[:16]
    noted = audit.AuditEntry.objects.filter(act=audit.AuditAction.SECRET_UNREADABLE, object_id=str(key))
    if all(entry.named_details.get("digest") != digest for entry in noted):
        row = model_of(label)._default_manager.filter(pk=key).first()
        audit.record_refusal(
            audit.AuditAction.SECRET_UNREADABLE, row, result=audit.Result.FAILED, kind=field, digest=digest
        )
