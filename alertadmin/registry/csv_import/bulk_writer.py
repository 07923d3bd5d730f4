"""Collects rows to add and to change, and writes them in few statements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import models

from alertadmin.registry.csv_import.outcome import Effect
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, Tenant

ORDER: tuple[type[models.Model], ...] = (Tenant, AppRegistration, Credential, Mailbox)
"""The order of writing: a model comes after those that it refers to."""
BATCH = 500
"""Rows in a statement. PostgreSQL accepts 65,535 parameters in one."""
Stored = TypeVar("Stored", bound=models.Model)


@dataclass
class BulkWriter:
    added: dict[type[models.Model], dict[object, models.Model]] = field(default_factory=dict)
    changed: dict[type[models.Model], dict[object, models.Model]] = field(default_factory=dict)
    columns: dict[type[models.Model], set[str]] = field(default_factory=dict)
    """The columns changed in any row. Others are not written, since another transaction may change them meanwhile."""
    effect: Effect = Effect.UNCHANGED
    """What the calls did since it was last set."""

    def add(self, row: Stored) -> Stored:
        self.added.setdefault(type(row), {})[row.pk] = row
        self.effect = Effect.ADDED
        return row

    def set(self, row: models.Model, **values: object) -> None:
        """Set attributes of a row. An empty value changes nothing."""
        for name, value in values.items():
            if value and getattr(row, name) != value:
                setattr(row, name, value)
                self.mark_changed(row, name)

    def mark_changed(self, row: models.Model, *names: str) -> None:
        """Count a row as changed, in these columns; without columns, in rows that belong to it."""
        if row.pk not in self.added.get(type(row), {}):
            self.changed.setdefault(type(row), {})[row.pk] = row
            self.columns.setdefault(type(row), set()).update(names)
            if self.effect == Effect.UNCHANGED:
                self.effect = Effect.CHANGED

    def touched(self, model: type[Stored]) -> Iterator[Stored]:
        """The rows of a model that were added or changed."""
        for rows in (self.added, self.changed):
            yield from rows.get(model, {}).values()  # type: ignore[misc]

    def write(self) -> tuple[int, int]:
        """Write all rows; returns the number of rows added and of rows changed."""
        for model in ORDER:
            if added := self.added.get(model):
                model._default_manager.bulk_create(list(added.values()), batch_size=BATCH)
            if (changed := self.changed.get(model)) and self.columns[model]:
                # An upsert: `bulk_update` writes a CASE for each row and takes minutes for ten thousand rows.
                model._default_manager.bulk_create(
                    list(changed.values()),
                    batch_size=BATCH,
                    update_conflicts=True,
                    unique_fields=["id"],
                    update_fields=sorted(self.columns[model]),
                )
        return sum(map(len, self.added.values())), sum(map(len, self.changed.values()))
