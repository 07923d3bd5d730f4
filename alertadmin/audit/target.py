"""What an act is done to, as it is called at that moment: it may be gone or called otherwise when somebody reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models

from alertadmin.audit.fields import text

OWNERS = ("app", "mailbox", "credential", "consent", "channel")
"""Through which a thing belongs to a tenant that has none of its own, in the order they are looked at."""


@dataclass(frozen=True)
class AuditTarget:
    """Taken before a thing is deleted, so that the record can be written after."""

    kind: str = ""
    object_id: str = ""
    label: str = ""
    tenant: UUID | None = None

    @classmethod
    def of(cls, thing: models.Model | None) -> AuditTarget:
        if thing is None:
            return cls()
        return cls(stored_label(thing), text(thing.pk, 64), text(thing, 200), tenant_of(thing))


def stored_label(model: models.Model | type[models.Model]) -> str:
    """What rows and ciphertexts call the model: "registry.tenant". Of its table, which a new class name leaves as it
    is.

    >>> stored_label(SecretDisclosure)
    "registry.handover"
    """
    app = model._meta.app_label
    return f"{app}.{model._meta.db_table.removeprefix(f'{app}_')}"


def tenant_of(thing: models.Model | None) -> UUID | None:
    """The tenant that a thing belongs to, found along its own fields."""
    if thing is None:
        return None
    if thing._meta.label_lower == "registry.tenant":
        return _uuid(thing.pk)
    if own := getattr(thing, "tenant_id", None):
        return _uuid(own)
    for name in OWNERS:
        owner = getattr(thing, name, None)
        if isinstance(owner, models.Model) and (through := tenant_of(owner)):
            return through
    return None


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))
