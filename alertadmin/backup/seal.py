"""The seal of a backup: an HMAC-SHA256 of its manifest, by a key derived from a key of the keyring.

The manifest has the SHA-256 and the length of every other part, so the seal covers all of them. The keyring is stored
elsewhere: write access to the folder of the backups is not enough to insert a row into one. A seal does not show that a
backup is the newest: an old backup in the place of a newer one is still valid.

As JSON: `{"key": "k1", "ring": hex, "mac": hex}`. `ring` distinguishes another key of the same id from an altered
manifest.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from django.utils.translation import gettext as _

from alertadmin.crypto import keyring
from alertadmin.stored_messages import render_error


@dataclass(frozen=True)
class Seal:
    key: str
    """The id of the key from which the key of `mac` is derived."""
    ring: str
    mac: str


def create_seal(manifest: bytes) -> Seal:
    """Compute the seal with the primary key. Raises KeyringError."""
    ring = keyring.load()
    key = ring.backup_keys[ring.primary]
    return Seal(ring.primary, _check_value(key), _mac(key, manifest))


def broken_seal(manifest: bytes, seal: Seal | None) -> str:
    """Return a sentence that says why this keyring does not verify the seal; empty if it does."""
    if seal is None:
        return _("It was made by a version of alertadmin that did not seal backups, or its seal was removed.")
    try:
        ring = keyring.load()
    except keyring.KeyringError as error:
        return render_error(error)
    key = ring.backup_keys.get(seal.key)
    if key is None or not hmac.compare_digest(_check_value(key), seal.ring):
        return _(
            'It was sealed with another keyring, by a key "%(key)s" that is not in %(place)s. Restore the key '
            "file that belongs to it there first."
        ) % {"key": seal.key, "place": ring.storage_name}
    if not hmac.compare_digest(_mac(key, manifest), seal.mac):
        return _("It was altered after it was made: its seal does not match.")
    return ""


def _check_value(key: bytes) -> str:
    return hmac.new(key, b"ring", hashlib.sha256).hexdigest()[:32]


def _mac(key: bytes, manifest: bytes) -> str:
    return hmac.new(key, b"manifest:" + manifest, hashlib.sha256).hexdigest()
