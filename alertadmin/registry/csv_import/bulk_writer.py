"""Rows to add and rows to change, collected first and written in as few statements as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import models

from alertadmin.registry.models import AppRegistration, Credential, Mailbox, Tenant

ORDER: tuple[type[models.Model], ...] = (Tenant, AppRegistration, Credential, Mailbox)
"""What refers to another comes after it."""
BATCH = 500
"""PostgreSQL takes 65,535 parameters a statement."""
Stored = TypeVar("Stored", bound=models.Model)


@dataclass
class Changes:
    added: dict[type[models.Model], dict[object, models.Model]] = field(default_factory=dict)
    changed: dict[type[models.Model], dict[object, models.Model]] = field(default_factory=dict)
    columns: dict[type[models.Model], set[str]] = field(default_factory=dict)
    """Those changed in any row: the others are not written, since somebody else may change them meanwhile."""

    def add(self, row: Stored) -> Stored:
        self.added.setdefault(type(row), {})[row.pk] = row
        return row

    def set(self, row: models.Model, **values: object) -> None:
        """What is empty leaves what is there."""
        for name, value in values.items():
            if value and getattr(row, name) != value:
                setattr(row, name, value)
                self.note(row, name)

    def note(self, row: models.Model, *names: str) -> None:
        """A row that was changed: in these columns, or without any in what belongs to it."""
        if row.pk not in self.added.get(type(row), {}):
            self.changed.setdefault(type(row), {})[row.pk] = row
            self.columns.setdefault(type(row), set()).update(names)

    def touched(self, model: type[Stored]) -> Iterator[Stored]:
        """Added or changed."""
        for rows in (self.added, self.changed):
            yield from rows.get(model, {}).values()  # type: ignore[misc]

    def write(self) -> tuple[int, int]:
        """How many rows were added, and how many changed."""
        for model in ORDER:
            if added := self.added.get(model):
                model._default_manager.bulk_create(list(added.values()), batch_size=BATCH)
            if (changed := self.changed.get(model)) and self.columns[model]:
                # An upsert: `bulk_update` words each row as a CASE of its own and takes minutes for ten thousand.
                model._default_manager.bulk_create(
                    list(changed.values()),
                    batch_size=BATCH,
                    update_conflicts=True,
                    unique_fields=["id"],
                    update_fields=sorted(self.columns[model]),
                )
        return sum(map(len, self.added.values())), sum(map(len, self.changed.values()))
