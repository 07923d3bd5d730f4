"""What an act is done to, as it is called at that moment: it may be gone or called otherwise when somebody reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models

from alertadmin.accounts.audit.details import text

OWNERS = ("app", "mailbox", "credential", "consent", "channel")
"""Through which a thing belongs to a tenant that has none of its own, in the order they are looked at."""


@dataclass(frozen=True)
class Subject:
    """Taken before a thing is deleted, so that the record can be written after."""

    kind: str = ""
    object_id: str = ""
    label: str = ""
    tenant: UUID | None = None

    @classmethod
    def of(cls, thing: models.Model | None) -> Subject:
        if thing is None:
            return cls()
        return cls(thing._meta.label_lower, text(thing.pk, 64), text(thing, 200), tenant_of(thing))


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
