"""The encrypted field: a secret goes in, a sealed thing comes out, and opening it is an act of its own.

In the database: `v1.<key id>.<base64 of nonce + ciphertext + tag>`, AES-256-GCM, with the model, the field and the
row's id as associated data: a ciphertext moved to another row, field or table does not open.

A secret that is sent somewhere is bound to that place too: `v2.<key id>.<digest>.<base64>`, where the digest is of the
destination (`destinations`), and is associated data as well. It opens only while the row leads to the same destination.
What an earlier release sealed as v1 is sealed anew, for where it leads then, by the upgrade or when it is first opened
(`decryption`); a key that was made since opens no v1 of such a field.
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
from alertadmin.crypto.keyring_types import BINDING_KEY
from alertadmin.registry.destinations import Destination

VERSION = "v1"
BOUND_VERSION = "v2"
NONCE_BYTES = 12
BASE64 = r"[A-Za-z0-9+/]+(?:[AQgw]==|[AEIMQUYcgkosw048]=)?"
"""The letter before a padding has bits to spare, which no decoder looks at: here they are zero."""
TOKEN = re.compile(
    rf"v(?:1|(?P<bound>2))\.(?P<key_id>{keyring.KEY_ID.pattern})\."
    rf"(?(bound)(?P<digest>[A-Za-z0-9_-]{{43}})\.)(?P<sealed>{BASE64})"
)
UNBOUND = b""
"""Associated data of a token just read from the database, until the row's id is at hand."""


class Tampered(keyring.Unreadable):
    """A stored ciphertext is not what was stored for this row: altered, swapped, or sealed with another key."""

    def __init__(self) -> None:
        super().__init__(messages.TAMPERED)


class WrongDestination(Tampered):
    """It was sealed for another destination than its row leads to now; nothing was opened."""

    def __init__(self) -> None:
        keyring.Unreadable.__init__(self, messages.WRONG_DESTINATION)


@dataclass(frozen=True, slots=True)
class EncryptedValue:
    """A secret at rest. Its repr shows nothing; `decrypt` is the only way to the value."""

    token: str = field(repr=False)
    associated: bytes = field(repr=False)
    """What it is bound to for good: the model's label, the field's name, the row's id."""
    is_fresh: bool = field(default=False, repr=False, compare=False)
    """Sealed by this process, and maybe not stored yet."""
    destination: Callable[[], Destination] | None = field(default=None, repr=False, compare=False)
    """Where its row leads now; None for a field that is bound to its row alone."""

    @classmethod
    def encrypt(
        cls,
        value: str,
        associated: bytes,
        destination: Callable[[], Destination] | None = None,
        *,
        digest: str = "",
    ) -> EncryptedValue:
        """For `destination` as it is now; `digest` is given for one that stays what it was."""
        ring = keyring.load()
        if destination is not None and not digest:
            digest = digest_of(associated, destination())
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + ring.cipher(ring.primary).encrypt(nonce, value.encode(), _bound(associated, digest))
        encoded = base64.b64encode(sealed).decode("ascii")
        parts = (BOUND_VERSION, ring.primary, digest, encoded) if digest else (VERSION, ring.primary, encoded)
        return cls(".".join(parts), associated, True, destination)

    @property
    def key_id(self) -> str:
        """The key that it is sealed with; empty if it is no ciphertext of ours."""
        match = TOKEN.fullmatch(self.token)
        return match["key_id"] if match else ""

    @property
    def is_bound(self) -> bool:
        """Whether it is sealed for all that it should be: v1 of a field with a destination is of an earlier release."""
        return self.destination is None or self.token.startswith(f"{BOUND_VERSION}.")

    def decrypt(self) -> str:
        """The value. Raises Unreadable: KeyringError (key file or key missing), Tampered or WrongDestination."""
        match = TOKEN.fullmatch(self.token)
        if match is None or (not self.is_bound and BINDING_KEY.fullmatch(match["key_id"])):
            raise Tampered
        if match["digest"] and (self.destination is None or match["digest"] != self._digest_now()):
            raise WrongDestination
        return self._open(match)

    def _digest_now(self) -> str:
        assert self.destination is not None  # noqa: S101 (the callers looked)
        return digest_of(self.associated, self.destination())

    def _open(self, match: re.Match[str]) -> str:
        """For whichever destination it was sealed."""
        cipher = keyring.cipher(match["key_id"])
        try:
            sealed = binascii.a2b_base64(match["sealed"], strict_mode=True)
            bound = _bound(self.associated, match["digest"] or "")
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound).decode()
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
            self.decrypt()
        except keyring.Unreadable:
            return False
        return True

    def reencrypt(self) -> EncryptedValue:
        """The same value under the primary key, for the destination that it was sealed for: no rotation moves it.

        One that was sealed without is bound to where its row leads now. Raises Unreadable.
        """
        match = TOKEN.fullmatch(self.token)
        if match is None or not match["digest"]:
            return EncryptedValue.encrypt(self.decrypt(), self.associated, self.destination)
        return EncryptedValue.encrypt(self._open(match), self.associated, self.destination, digest=match["digest"])

    def moved_from(self, former: Destination) -> EncryptedValue | None:
        """Sealed anew for where its row leads now, if it was sealed for `former`. Raises Unreadable."""
        match = TOKEN.fullmatch(self.token)
        if match is None or match["digest"] != digest_of(self.associated, former):
            return None
        return EncryptedValue.encrypt(self._open(match), self.associated, self.destination)

    def destination_changed(self) -> bool:
        """Of one just sealed: whether the row was changed since, to another destination."""
        match = TOKEN.fullmatch(self.token)
        return bool(match and self.destination and match["digest"] and match["digest"] != self._digest_now())

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied without the row that it hangs on: the copy's row is another."""
        return EncryptedValue, (self.token, self.associated, self.is_fresh)


def digest_of(associated: bytes, destination: Destination) -> str:
    """Of 43 letters. The row's id is part of it, so that equal destinations of two rows do not look alike."""
    digest = hashlib.sha256(associated + json.dumps(destination).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def _bound(associated: bytes, digest: str) -> bytes:
    return associated + b":" + digest.encode("ascii") if digest else associated


if TYPE_CHECKING:
    _TextField = models.TextField[str | EncryptedValue | None, EncryptedValue | None]
else:
    _TextField = models.TextField


class EncryptedField(_TextField):
    """Assign a str and it is sealed at once; read and get a `EncryptedValue` (or None). The row's id must be a UUID.

    Never in a form; a query compares it with a `EncryptedValue` alone, and `QuerySet.update` takes nothing else.
    """

    def __init__(self, *args: Any, destination: Callable[[Any], Destination] | None = None, **kwargs: Any) -> None:
        """`destination` says of a row where its secret may be sent. It reads other fields and related rows, which are
        set before the secret; migrations know nothing of it."""
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
        setattr(cls, name, _Attribute(self))

    def get_prep_value(self, value: Any) -> str | None:
        if value is None or isinstance(value, EncryptedValue):
            return value.token if value else None
        raise TypeError(f"{self.name} takes a sealed secret; assign the value to a saved or new instance first.")

    def get_lookup(self, lookup_name: str) -> type[models.Lookup[Any]] | None:
        return super().get_lookup(lookup_name) if lookup_name in ("isnull", "exact", "startswith") else None

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> EncryptedValue | None:
        return EncryptedValue(value, UNBOUND) if value else None

    def to_python(self, value: Any) -> Any:
        """A fixture's text is the ciphertext that `value_to_string` wrote; any other is a value, sealed when set."""
        return EncryptedValue(value, UNBOUND) if isinstance(value, str) and TOKEN.fullmatch(value) else value

    def value_to_string(self, obj: models.Model) -> str:
        """What dumpdata writes: the ciphertext."""
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """A copy of a row under another id would hold what does not open. Raises TypeError, KeyMissing."""
        sealed = super().pre_save(model_instance, add)
        if sealed is None:
            return None
        if sealed.associated != self.associated(model_instance):
            raise TypeError(f"{self.name} was sealed for another row; assign the value anew.")
        if sealed.is_fresh:
            keyring.load().cipher(sealed.key_id)  # not retired since it was sealed
            if sealed.destination_changed():
                raise TypeError(f"{self.name} was sealed before the row got its destination; assign the value last.")
        return sealed

    def associated(self, instance: models.Model) -> bytes:
        """What the ciphertext is bound to: model, field and row."""
        if not isinstance(key := instance.pk, UUID):
            raise TypeError("An encrypted field needs a UUID primary key, set before the secret.")
        return f"{stored_label(self.model)}:{self.name}:".encode() + key.bytes

    def destination_of(self, instance: models.Model) -> Callable[[], Destination] | None:
        """Asked only when a value is sealed or opened: it may take a query."""
        return partial(self.destination, instance) if self.destination else None


def encrypted_fields() -> Iterator[tuple[type[models.Model], str]]:
    """Every model with an encrypted field, and the field's name."""
    for model in apps.get_models():
        for one in model._meta.get_fields():
            if isinstance(one, EncryptedField):
                yield model, one.name


def model_of(label: str) -> type[models.Model]:
    """The model whose values are bound to that stored label. Raises LookupError."""
    for model, _name in encrypted_fields():
        if stored_label(model) == label:
            return model
    raise LookupError(f"No model with encrypted values is stored as {label}.")


def version_of(model: type[models.Model], name: str) -> str:
    """How a value of the field is sealed today."""
    return BOUND_VERSION if getattr(model._meta.get_field(name), "destination", None) else VERSION


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
        if value is None:
            return None
        if value.associated == UNBOUND:
            value = instance.__dict__[name] = EncryptedValue(value.token, self.field.associated(instance))
        # Made at each look: an instance keeps no way back to itself, and a copy of it leads where the copy does.
        return replace(value, destination=self.field.destination_of(instance))

    def __set__(self, instance: models.Model, value: str | EncryptedValue | None) -> None:
        if isinstance(value, str):
            destination = self.field.destination_of(instance)
            value = EncryptedValue.encrypt(value, self.field.associated(instance), destination) if value else None
        instance.__dict__[self.field.attname] = value and replace(value, destination=None)
