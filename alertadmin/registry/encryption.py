"""The encrypted field: a secret goes in, a sealed thing comes out, and opening it is an act of its own.

In the database: `v1.<key id>.<base64 of nonce + ciphertext + tag>`, AES-256-GCM, with the model, the field and the
row's id as associated data: a ciphertext moved to another row, field or table does not open.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from django.apps import apps
from django.db import models

from alertadmin.registry import keyring, sentences

VERSION = "v1"
NONCE_BYTES = 12
BASE64 = r"[A-Za-z0-9+/]+(?:[AQgw]==|[AEIMQUYcgkosw048]=)?"
"""The letter before a padding has bits to spare, which no decoder looks at: here they are zero."""
TOKEN = re.compile(rf"{VERSION}\.(?P<key_id>{keyring.KEY_ID.pattern})\.(?P<sealed>{BASE64})")
UNBOUND = b""
"""Associated data of a token just read from the database, until the row's id is at hand."""


class Tampered(keyring.Unreadable):
    """A stored ciphertext is not what was stored for this row: altered, swapped, or sealed with another key."""

    def __init__(self) -> None:
        super().__init__(sentences.TAMPERED)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret at rest. Its repr shows nothing; `reveal` is the only way to the value."""

    token: str = field(repr=False)
    associated: bytes = field(repr=False)
    is_fresh: bool = field(default=False, repr=False, compare=False)
    """Sealed by this process, and maybe not stored yet."""

    @classmethod
    def seal(cls, value: str, associated: bytes) -> Sealed:
        ring = keyring.load()
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + ring.cipher(ring.primary).encrypt(nonce, value.encode(), associated)
        return cls(f"{VERSION}.{ring.primary}.{base64.b64encode(sealed).decode('ascii')}", associated, True)

    @property
    def key_id(self) -> str:
        """The key that it is sealed with; empty if it is no ciphertext of ours."""
        match = TOKEN.fullmatch(self.token)
        return match["key_id"] if match else ""

    def reveal(self) -> str:
        """The value. Raises Unreadable: KeyRingError (key file or key missing) or Tampered."""
        match = TOKEN.fullmatch(self.token)
        if match is None:
            raise Tampered
        key_id, encoded = match.groups()
        cipher = keyring.cipher(key_id)
        try:
            sealed = binascii.a2b_base64(encoded, strict_mode=True)
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self.associated).decode()
        except (InvalidTag, ValueError):
            raise Tampered from None

    @property
    def row(self) -> tuple[str, str, UUID]:
        """What it is bound to: the model's label, the field's name, the row's id."""
        label, name, key = self.associated.split(b":", 2)
        return label.decode(), name.decode(), UUID(bytes=key)

    @property
    def readable(self) -> bool:
        """Whether it opens with the keys at hand."""
        try:
            self.reveal()
        except keyring.Unreadable:
            return False
        return True

    def resealed(self) -> Sealed:
        """The same value under the primary key."""
        return Sealed.seal(self.reveal(), self.associated)


if TYPE_CHECKING:
    _TextField = models.TextField[str | Sealed | None, Sealed | None]
else:
    _TextField = models.TextField


class EncryptedField(_TextField):
    """Assign a str and it is sealed at once; read and get a `Sealed` (or None). The row's id must be a UUID.

    Never in a form; a query compares it with a `Sealed` alone, and `QuerySet.update` takes nothing else.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.update(null=True, blank=True, editable=False)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        for implied in ("null", "blank", "editable"):
            kwargs.pop(implied, None)
        return name, path, args, kwargs

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, _Attribute(self))

    def get_prep_value(self, value: Any) -> str | None:
        if value is None or isinstance(value, Sealed):
            return value.token if value else None
        raise TypeError(f"{self.name} takes a sealed secret; assign the value to a saved or new instance first.")

    def get_lookup(self, lookup_name: str) -> type[models.Lookup[Any]] | None:
        return super().get_lookup(lookup_name) if lookup_name in ("isnull", "exact", "startswith") else None

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Sealed | None:
        return Sealed(value, UNBOUND) if value else None

    def to_python(self, value: Any) -> Any:
        """A fixture's text is the ciphertext that `value_to_string` wrote; any other is a value, sealed when set."""
        return Sealed(value, UNBOUND) if isinstance(value, str) and TOKEN.fullmatch(value) else value

    def value_to_string(self, obj: models.Model) -> str:
        """What dumpdata writes: the ciphertext."""
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """A copy of a row under another id would hold what nobody can open. Raises TypeError, KeyMissing."""
        sealed = super().pre_save(model_instance, add)
        if sealed is not None and sealed.is_fresh:
            keyring.load().cipher(sealed.key_id)  # not retired since it was sealed
        if sealed is not None and sealed.associated != self.associated(model_instance):
            raise TypeError(f"{self.name} was sealed for another row; assign the value anew.")
        return sealed

    def associated(self, instance: models.Model) -> bytes:
        """What the ciphertext is bound to: model, field and row."""
        if not isinstance(key := instance.pk, UUID):
            raise TypeError("An encrypted field needs a UUID primary key, set before the secret.")
        return f"{self.model._meta.label_lower}:{self.name}:".encode() + key.bytes


def sealed_fields() -> Iterator[tuple[type[models.Model], str]]:
    """Every model with an encrypted field, and the field's name."""
    for model in apps.get_models():
        for one in model._meta.get_fields():
            if isinstance(one, EncryptedField):
                yield model, one.name


class _Attribute:
    """Seals on the way in, so that no instance ever holds a value in clear."""

    def __init__(self, encrypted: EncryptedField) -> None:
        self.field = encrypted

    def __get__(self, instance: models.Model | None, owner: type[models.Model]) -> Any:
        if instance is None:
            return self
        if (name := self.field.attname) not in instance.__dict__:
            instance.refresh_from_db(fields=[name])
        value = instance.__dict__[name]
        if value is not None and value.associated == UNBOUND:
            value = instance.__dict__[name] = Sealed(value.token, self.field.associated(instance))
        return value

    def __set__(self, instance: models.Model, value: str | Sealed | None) -> None:
        if isinstance(value, str):
            value = Sealed.seal(value, self.field.associated(instance)) if value else None
        instance.__dict__[self.field.attname] = value
