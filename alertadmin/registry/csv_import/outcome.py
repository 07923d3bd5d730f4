"""What an import does, or would do, with each row of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext as _

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
    questioned: int = 0
    """Rows with a new expiry date that has passed or that the portal cannot have set."""

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
        """Add the first `MAX_REMARKS` of all, and one that says so if there are more."""
        remarks, free = list(remarks), MAX_REMARKS - len(self.remarks)
        self.remarks += remarks[: max(0, free)]
        if len(remarks) > free >= 0:
            self.remarks.append(Remark(0, "", _("There are more remarks than these.")))

    @property
    def refused_lines(self) -> int:
        return len({remark.line for remark in self.refused})
