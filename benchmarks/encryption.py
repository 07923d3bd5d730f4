"""Decrypt stored secrets, and re-encrypt them with another key."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from uuid import UUID

from cryptography.fernet import Fernet
from django.db import connection

from alertadmin.crypto import fields, keyring, reencryption
from alertadmin.crypto.fields import NONCE_BYTES, VERSION
from alertadmin.registry.models import Credential
from benchmarks.installation import Stand, raw, statement
from benchmarks.report import Aim, ReportRow
from benchmarks.sizes import Effort
from benchmarks.timing import Side, Times, interleaved

ASSOCIATED = b"registry.credential:value:"
"""The authenticated data of a ciphertext before the row's id."""


@dataclass(frozen=True)
class Opened:
    """Return the parts of a ciphertext as AES-GCM expects them."""

    key_id: str
    nonce: bytes
    ciphertext: bytes
    associated: bytes

    @classmethod
    def of(cls, token: str, row: UUID) -> Opened:
        _version, key_id, digest, encoded = token.split(".")
        sealed = base64.b64decode(encoded)
        associated = fields._associated_data(ASSOCIATED + row.bytes, digest)
        return cls(key_id, sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated)


def decrypt(stand: Stand, effort: Effort) -> list[ReportRow]:
    stand.filled(effort.sizes[1])
    rows = list(Credential.objects.all()[: effort.opened])
    sealed = [row.value for row in rows if row.value]
    parts = [Opened.of(row.value.token, row.pk) for row in rows if row.value]
    ciphers = keyring.load().ciphers
    fernet = Fernet(Fernet.generate_key())
    tokens = [fernet.encrypt(one.decrypt().encode()) for one in sealed]

    def by_hand() -> None:
        for one in parts:
            ciphers[one.key_id].decrypt(one.nonce, one.ciphertext, one.associated)

    def ours() -> None:
        for one in sealed:
            one.decrypt()

    def by_fernet() -> None:
        for token in tokens:
            fernet.decrypt(token)

    name = f"open {len(sealed):,} stored secrets"
    beside_aes = interleaved(Side(ours), Side(by_hand), effort.repeats)
    beside_fernet = interleaved(Side(ours), Side(by_fernet), effort.repeats)
    return [
        ReportRow(name, "AES-GCM alone", beside_aes, Aim(ratio_at_least=0.25), operations=len(sealed)),
        ReportRow(name, "Fernet", beside_fernet, Aim(ratio_at_least=1), operations=len(sealed)),
    ]


def rotate(stand: Stand, effort: Effort) -> list[ReportRow]:
    secrets = effort.rotated
    stand.filled(secrets)
    ours = Side(lambda: _expect(reencryption.rotate().done, secrets), before=keyring.add_primary)
    bare = Side(lambda: _expect(_resealed_by_hand(), secrets))
    times: Times = interleaved(ours, bare, effort.few_repeats)
    return [ReportRow(f"seal {secrets:,} secrets with a new key", "the same in one UPDATE by the driver", times, Aim())]


def _resealed_by_hand() -> int:
    """Re-encrypt all in one transaction, which blocks other writers meanwhile."""
    driver, ring = raw(), keyring.load()
    driver.execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
    fresh = []
    for key, token in driver.execute("SELECT id, value FROM registry_credential WHERE value IS NOT NULL").fetchall():
        one = Opened.of(token, key if isinstance(key, UUID) else UUID(key))
        value = ring.cipher(one.key_id).decrypt(one.nonce, one.ciphertext, one.associated)
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + ring.cipher(ring.primary).encrypt(nonce, value, one.associated)
        fresh.append((f"{VERSION}.{ring.primary}.{base64.b64encode(sealed).decode()}", key))
    driver.cursor().executemany(statement("UPDATE registry_credential SET value = %s WHERE id = %s"), fresh)
    driver.execute("COMMIT")
    return len(fresh)


def _expect(done: int, expected: int) -> None:
    if done != expected:
        raise AssertionError(f"{done} secrets sealed anew, {expected} expected")
