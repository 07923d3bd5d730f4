"""Model field for encrypted secrets. Assigning a str encrypts it; reading gives an `EncryptedValue`, and decryption is
a separate, explicit call.

Stored form: `v1.<key id>.<base64 of nonce + ciphertext + tag>`, AES-256-GCM, with model, field and row id as associated
data: a ciphertext moved to another row, field or table cannot be decrypted.

A secret that is sent somewhere is also bound to its destination: `v2.<key id>.<digest>.<base64>`, where the digest of
the destination is associated data too. It can be decrypted only while the row has the same destination. A v1 value of
such a field, from an earlier release, is encrypted again for the current destination by the upgrade or at its first
decryption (`decryption`); keys generated since then decrypt no v1 value of such a field.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from django.apps import apps
from django.db import models

from alertadmin.audit.target import stored_label
from alertadmin.crypto import keyring, messages
from alertadmin.crypto.keyring import BINDING_KEY

Destination = tuple[str, ...]
"""Where a secret may be sent: its kind, then texts that identify the place (`registry.clouds`)."""

VERSION = "v1"
BOUND_VERSION = "v2"
NONCE_BYTES = 12
BASE64 = r"[A-Za-z0-9+/]+(?:[AQgw]==|[AEIMQUYcgkosw048]=)?"
"""The character before the padding has unused bits, which decoders ignore: only zero bits are accepted."""
TOKEN = re.compile(
    rf"v(?:1|(?P<bound>2))\.(?P<key_id>{keyring.KEY_ID.pattern})\."
    rf"(?(bound)(?P<digest>[A-Za-z0-9_-]{{43}})\.)(?P<encrypted>{BASE64})"
)
UNBOUND = b""
"""Associated data of a value just read from the database, until the row's id is known."""


class Tampered(keyring.Unreadable):
    """The ciphertext is not what was stored for this row: altered, swapped, or encrypted with another key."""

    def __init__(self) -> None:
        super().__init__(messages.TAMPERED)


class WrongDestination(Tampered):
    """The secret was encrypted for another destination than its row has now; it was not decrypted."""

    def __init__(self) -> None:
        keyring.Unreadable.__init__(self, messages.WRONG_DESTINATION)


@dataclass(frozen=True, slots=True)
class EncryptedValue:
    """An encrypted secret. Its repr shows nothing; only `decrypt` gives the plaintext."""

    token: str = field(repr=False)
    associated: bytes = field(repr=False)
    """Model label, field name and row id, which never change."""
    is_fresh: bool = field(default=False, repr=False, compare=False)
    """Encrypted by this process, and perhaps not saved yet."""
    destination: Callable[[], Destination] | None = field(default=None, repr=False, compare=False)
    """Gives the row's current destination; None for a field that is bound to its row only."""

    @classmethod
    def encrypt(
        cls,
        value: str,
        associated: bytes,
        destination: Callable[[], Destination] | None = None,
        *,
        digest: str = "",
    ) -> EncryptedValue:
        """Encrypt for the current `destination`, or for the one with this `digest`."""
        ring = keyring.load()
        if destination is not None and not digest:
            digest = digest_of(associated, destination())
        nonce = os.urandom(NONCE_BYTES)
        encrypted = nonce + ring.cipher(ring.primary).encrypt(
            nonce, value.encode(), _associated_data(associated, digest)
        )
        encoded = base64.b64encode(encrypted).decode("ascii")
        parts = (BOUND_VERSION, ring.primary, digest, encoded) if digest else (VERSION, ring.primary, encoded)
        return cls(".".join(parts), associated, True, destination)

    @property
    def key_id(self) -> str:
        """Id of the key that it is encrypted with; empty if the token is malformed."""
        match = TOKEN.fullmatch(self.token)
        return match["key_id"] if match else ""

    @property
    def is_bound(self) -> bool:
        """Whether it is bound to a destination, if its field has one; a v1 value from an earlier release is not."""
        return self.destination is None or self.token.startswith(f"{BOUND_VERSION}.")

    def decrypt(self) -> str:
        """The plaintext. Raises Unreadable: KeyringError (key file or key missing), Tampered or WrongDestination."""
        match = TOKEN.fullmatch(self.token)
        if match is None or (not self.is_bound and BINDING_KEY.fullmatch(match["key_id"])):
            raise Tampered
        if match["digest"] and (self.destination is None or match["digest"] != self._digest_now()):
            raise WrongDestination
        return self._open(match)

    def _digest_now(self) -> str:
        assert self.destination is not None  # noqa: S101 (checked by the callers)
        return digest_of(self.associated, self.destination())

    def _open(self, match: re.Match[str]) -> str:
        """Decrypt regardless of the current destination."""
        cipher = keyring.cipher(match["key_id"])
        try:
            encrypted = binascii.a2b_base64(match["encrypted"], strict_mode=True)
            bound = _associated_data(self.associated, match["digest"] or "")
            return cipher.decrypt(encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:], bound).decode()
        except (InvalidTag, ValueError):
            raise Tampered from None

    @property
    def row(self) -> tuple[str, str, UUID]:
        """Model label, field name and row id."""
        label, name, key = self.associated.split(b":", 2)
        return label.decode(), name.decode(), UUID(bytes=key)

    @property
    def readable(self) -> bool:
        """Whether it can be decrypted now."""
        try:
            self.decrypt()
        except keyring.Unreadable:
            return False
        return True

    def reencrypt(self) -> EncryptedValue:
        """Encrypt the same value with the primary key, for the destination it was encrypted for: rotation never moves
        it.

        An unbound value is bound to the row's current destination. Raises Unreadable.
        """
        match = TOKEN.fullmatch(self.token)
        if match is None or not match["digest"]:
            return EncryptedValue.encrypt(self.decrypt(), self.associated, self.destination)
        return EncryptedValue.encrypt(self._open(match), self.associated, self.destination, digest=match["digest"])

    def moved_from(self, former: Destination) -> EncryptedValue | None:
        """Encrypt for the current destination, if it was encrypted for `former`; else None. Raises Unreadable."""
        match = TOKEN.fullmatch(self.token)
        if match is None or match["digest"] != digest_of(self.associated, former):
            return None
        return EncryptedValue.encrypt(self._open(match), self.associated, self.destination)

    def destination_changed(self) -> bool:
        """For a fresh value: whether the row's destination has changed since the encryption."""
        match = TOKEN.fullmatch(self.token)
        return bool(match and self.destination and match["digest"] and match["digest"] != self._digest_now())

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy without the destination, which refers to the row: the copy belongs to another row."""
        return EncryptedValue, (self.token, self.associated, self.is_fresh)


def digest_of(associated: bytes, destination: Destination) -> str:
    """43 characters. The row's id is hashed too, so that equal destinations of two rows have different digests."""
    digest = hashlib.sha256(associated + json.dumps(destination).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def _associated_data(associated: bytes, digest: str) -> bytes:
    return associated + b":" + digest.encode("ascii") if digest else associated


if TYPE_CHECKING:
    _TextField = models.TextField[str | EncryptedValue | None, EncryptedValue | None]
else:
    _TextField = models.TextField


class EncryptedField(_TextField):
    """Assign a str to encrypt it; read an `EncryptedValue` or None. The model's id must be a UUID.

    Not usable in forms. Queries and `QuerySet.update` accept an `EncryptedValue` only.
    """

    def __init__(self, *args: Any, destination: Callable[[Any], Destination] | None = None, **kwargs: Any) -> None:
        """`destination` gives a row's destination. It reads other fields and related rows, which must be set before the
        secret; migrations do not record it."""
        kwargs.update(null=True, blank=True, editable=False)
        super().__init__(*args, **kwargs)
        self.destination = destination

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        for implied in ("null", "blank", "editable"):
            kwargs.pop(implied, None)
        return name, path, args, kwargs

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, _EncryptedAttribute(self))
        self._model_and_field = f"{stored_label(cls)}:{name}:".encode()

    def get_prep_value(self, value: Any) -> str | None:
        if value is None or isinstance(value, EncryptedValue):
            return value.token if value else None
        raise TypeError(f"{self.name} takes an encrypted value; assign the text to a saved or new instance first.")

    def get_lookup(self, lookup_name: str) -> type[models.Lookup[Any]] | None:
        return super().get_lookup(lookup_name) if lookup_name in ("isnull", "exact", "startswith") else None

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> EncryptedValue | None:
        return EncryptedValue(value, UNBOUND) if value else None

    def to_python(self, value: Any) -> Any:
        """A token in a fixture, written by `value_to_string`, is kept; any other text is encrypted on assignment."""
        return EncryptedValue(value, UNBOUND) if isinstance(value, str) and TOKEN.fullmatch(value) else value

    def value_to_string(self, obj: models.Model) -> str:
        """For dumpdata: the ciphertext."""
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Check that the value belongs to this row and its key still exists. Raises TypeError, KeyMissing."""
        encrypted = super().pre_save(model_instance, add)
        if encrypted is None:
            return None
        if encrypted.associated != self.associated(model_instance):
            raise TypeError(f"{self.name} was encrypted for another row; assign the value again.")
        if encrypted.is_fresh:
            keyring.load().cipher(encrypted.key_id)  # raises KeyMissing if the key was removed since
            if encrypted.destination_changed():
                raise TypeError(f"{self.name} was encrypted before the row got its destination; assign the value last.")
        return encrypted

    def associated(self, instance: models.Model) -> bytes:
        """The associated data: model, field and row."""
        if not isinstance(key := instance.pk, UUID):
            raise TypeError("An encrypted field needs a UUID primary key, set before the secret.")
        return self._model_and_field + key.bytes

    def destination_of(self, instance: models.Model) -> Callable[[], Destination] | None:
        """Evaluated only for encryption and decryption, since it may need a query."""
        return partial(self.destination, instance) if self.destination else None


def encrypted_fields() -> Iterator[tuple[type[models.Model], str]]:
    """Every model with an encrypted field, and the field's name."""
    for model in apps.get_models():
        for one in model._meta.get_fields():
            if isinstance(one, EncryptedField):
                yield model, one.name


def model_of(label: str) -> type[models.Model]:
    """The model with this stored label and an encrypted field. Raises LookupError."""
    for model, _name in encrypted_fields():
        if stored_label(model) == label:
            return model
    raise LookupError(f"No model with encrypted values is stored as {label}.")


def version_of(model: type[models.Model], name: str) -> str:
    """The current format version of the field."""
    return BOUND_VERSION if getattr(model._meta.get_field(name), "destination", None) else VERSION


class _EncryptedAttribute:
    """Descriptor that encrypts on assignment, so that no instance holds a plaintext."""

    def __init__(self, encrypted: EncryptedField) -> None:
        self.field = encrypted

    def __get__(self, instance: models.Model | None, owner: type[models.Model]) -> Any:
        if instance is None:
            return self
        if (name := self.field.attname) not in instance.__dict__:
            instance.refresh_from_db(fields=[name])
        value = instance.__dict__[name]
        if value is None:
            return None
        if value.associated == UNBOUND:
            value = instance.__dict__[name] = EncryptedValue(value.token, self.field.associated(instance))
        # Bound at each read: an instance does not refer to itself, and a copied instance uses its own destination.
        return replace(value, destination=self.field.destination_of(instance))

    def __set__(self, instance: models.Model, value: str | EncryptedValue | None) -> None:
        if isinstance(value, str):
            destination = self.field.destination_of(instance)
            value = EncryptedValue.encrypt(value, self.field.associated(instance), destination) if value else None
        instance.__dict__[self.field.attname] = value and replace(value, destination=None)
