"""What an import does, or would do, with each row of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from alertadmin.registry.csv_import.row_parser import ParsedRow
from alertadmin.registry.csv_import.table import MAX_REMARKS, Remark

MAX_SHOWN = 200
"""Rows of each kind that are kept to be shown."""


class Effect(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class RowResult:
    """A row as it was read. It has no secret value."""

    line: int
    effect: Effect
    tenant: str
    app: str
    secret: str
    """The secret's description, or its key ID."""
    has_value: bool
    expires_at: datetime | None
    mailbox: str


@dataclass
class ImportOutcome:
    """`added` and `changed` count stored objects; `effects` counts rows."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    effects: Counter[Effect] = field(default_factory=Counter)
    shown: dict[Effect, list[RowResult]] = field(default_factory=dict)
    refused: list[Remark] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def note(self, row: ParsedRow, effect: Effect, tenant: str, app: str) -> None:
        self.effects[effect] += 1
        shown = self.shown.setdefault(effect, [])
        if len(shown) < MAX_SHOWN:
            secret = row.secret_description or row.key_id
            shown.append(
                RowResult(
                    row.line, effect, tenant, app, secret, bool(row.secret_value), row.secret_expires_at, row.mailbox
                )
            )

    def add_remarks(self, remarks: Iterable[Remark]) -> None:
        self.remarks += list(remarks)[: max(0, MAX_REMARKS - len(self.remarks))]

    @property
    def refused_lines(self) -> int:
        return len({remark.line for remark in self.refused})
