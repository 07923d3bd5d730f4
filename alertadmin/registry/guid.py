"""Directory ids, client ids and key ids: GUIDs, stored in the form that Microsoft's portals show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alertadmin.registry.text import trimmed

PATTERN = r"\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z"
"""SQLite (which uses Python's `re`) and PostgreSQL read it alike; `$` would accept a trailing line break on SQLite."""
_ANYWHERE = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)


def is_guid(text: str) -> bool:
    """Whether a text is a GUID, apart from white space, braces, quotation marks and letter case."""
    return _ANYWHERE.fullmatch(_bare(text)) is not None


def normalize(text: str) -> str:
    """Convert `{ABCD…}`, with or without dashes, to lower case with dashes. Raises ValidationError."""
    bare = _bare(text)
    if "://" in bare:
        raise ValidationError(
            _("This is a web address. Copy only the ID: it looks like 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed."),
            code="address",
        )
    if not _ANYWHERE.fullmatch(bare):
        raise ValidationError(
            _("This is not an ID: an ID looks like 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed."), code="not_a_guid"
        )
    return str(UUID(bare))


def _bare(text: str) -> str:
    return trimmed(trimmed(text).strip("{}'\"‘’“”`"))


def guid_constraint(field: str, name: str, *, optional: bool = False) -> models.CheckConstraint:
    """A check of the format by the database. An optional id may be empty."""
    shape = Q(**{f"{field}__regex": PATTERN})
    return models.CheckConstraint(condition=shape | Q(**{field: ""}) if optional else shape, name=name)


if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField


class GuidField(_CharField):
    """36 characters, lower case. White space and braces around a pasted id are removed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 36
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return normalize(value) if trimmed(value) else ""

    def formfield(self, *args: Any, **kwargs: Any) -> Any:
        # No max_length on the widget: a pasted id may have braces and white space, which `to_python` removes.
        return super().formfield(*args, **{"max_length": None, **kwargs})
