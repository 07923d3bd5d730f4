"""Some rows of a file, applied to the stored data in memory, and stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from alertadmin.registry.csv_import.consistency import conflicts, mark_several
from alertadmin.registry.csv_import.import_state import ImportState
from alertadmin.registry.csv_import.options import ImportOptions
from alertadmin.registry.csv_import.outcome import ImportOutcome
from alertadmin.registry.csv_import.row_parser import ParsedRow, RowParser
from alertadmin.registry.csv_import.table import Remark
from alertadmin.registry.csv_import.table_reader import Row


class Batch:
    """All rows of some tenants. Refused rows are added to the outcome."""

    def __init__(
        self,
        rows: Sequence[Row],
        parser: RowParser,
        outcome: ImportOutcome,
        options: ImportOptions,
        now: datetime,
        unusable: Collection[int] = (),
    ) -> None:
        """`unusable` are the lines that were refused when the file was read."""
        self._rows = rows
        self._parser = parser
        self._outcome = outcome
        self._options = options
        self._now = now
        self._unusable = unusable
        self._state: ImportState | None = None

    def apply(self) -> None:
        """Apply the rows in memory, and note what becomes of each.

        Without `is_partial`, each of the three kinds of mistakes is looked for only if there is none of the kinds
        before: they follow from each other.
        """
        state = ImportState(self._rows)
        rows, mistakes = self._parser.parse(self._rows, state)
        if self._refuse(mistakes):
            return
        rows = mark_several([row for row in _without(rows, mistakes) if row.line not in self._unusable])
        found = list(conflicts(rows))
        if self._refuse(found):
            return
        rows = _without(rows, found)
        while True:
            state.collect_clouds(rows)
            effects, mistakes = state.apply(rows, self._now)
            if not mistakes:
                break
            if self._refuse(mistakes):
                return
            # A refused row may have changed something in memory, or have been the one that names a new tenant.
            rows = _without(rows, mistakes)
            state = ImportState(self._rows)
        self._state = state
        for row, effect in zip(rows, effects, strict=True):
            self._outcome.note(row, effect, *state.names_of(row))
        self._outcome.questioned += state.questioned
        self._outcome.add_remarks(state.remarks)

    def _refuse(self, mistakes: Iterable[Remark]) -> bool:
        """Note mistakes; returns whether they end the work on this batch."""
        before = len(self._outcome.refused)
        self._outcome.refused += mistakes
        return len(self._outcome.refused) > before and not self._options.is_partial

    def store(self) -> None:
        if self._state:
            added, changed = self._state.store()
            self._outcome.added += added
            self._outcome.changed += changed


def _without(rows: Iterable[ParsedRow], mistakes: Iterable[Remark]) -> list[ParsedRow]:
    lines = {mistake.line for mistake in mistakes}
    return [row for row in rows if row.line not in lines]
