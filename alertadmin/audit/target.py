"""Target of an action, by its name at that time: it may be renamed or deleted before the entry is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models

from alertadmin.audit.fields import text

TENANT_RELATIONS = ("app", "mailbox", "credential", "consent", "channel")
"""Relations that lead to the tenant of an object without one of its own, in order."""


@dataclass(frozen=True)
class AuditTarget:
    """Create it before deleting the object, to record the deletion afterwards. Its label is the object's `audit_label`,
    where `str` says what may change, else `str`."""

    kind: str = ""
    object_id: str = ""
    label: str = ""
    tenant: UUID | None = None

    @classmethod
    def of(cls, thing: models.Model | None) -> AuditTarget:
        if thing is None:
            return cls()
        return cls(
            stored_label(thing), text(thing.pk, 64), text(getattr(thing, "audit_label", thing), 200), tenant_of(thing)
        )


def stored_label(model: models.Model | type[models.Model]) -> str:
    """The model's label in rows and ciphertexts, such as "registry.tenant". Derived from the table, so that renaming
    the class does not change it.

        >>> stored_label(SecretDisclosure)
        "registry.handover"
    """
    app = model._meta.app_label
    return f"{app}.{model._meta.db_table.removeprefix(f'{app}_')}"


def tenant_of(thing: models.Model | None) -> UUID | None:
    """The object's tenant, found through its relations."""
    if thing is None:
        return None
    if thing._meta.label_lower == "registry.tenant":
        return _uuid(thing.pk)
    if own := getattr(thing, "tenant_id", None):
        return _uuid(own)
    for name in TENANT_RELATIONS:
        owner = getattr(thing, name, None)
        if isinstance(owner, models.Model) and (through := tenant_of(owner)):
            return through
    return None


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))
