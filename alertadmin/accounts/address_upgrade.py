"""Gives the addresses of an earlier release their canonical forms, or stops before anything is changed.

Earlier releases left it to the database which addresses are one, so a database may hold one address in two spellings.
Which of two accounts is right, or whose contact goes, only a person can say: nothing is merged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandError
from django.db import connections

from mailer.email_address import canonical

MOST_LISTED = 20


class CollidingAddresses(CommandError):
    """The message lists the rows and says what to do. Nothing was changed."""


@dataclass(frozen=True)
class AddressColumn:
    """A column of addresses that gets its canonical form in another, `<column>_canonical`."""

    table: str
    column: str
    what: str
    """Its rows in plain English, such as "accounts"."""
    scopes: tuple[str, ...] = ()
    """Columns: an address stands once in each value of each, and once among the rows that have none of them."""

    @property
    def derived(self) -> str:
        return f"{self.column}_canonical"

    def collisions(self, using: str) -> list[str]:
        """A line for each address that stands more than once; none before the table is made or after its upgrade."""
        connection = connections[using]
        with connection.cursor() as cursor:
            if self.table not in connection.introspection.table_names(cursor):
                return []
            present = {one.name for one in connection.introspection.get_table_description(cursor, self.table)}
            if self.derived in present:
                return []
            return self._collisions(using, [scope for scope in self.scopes if scope in present])

    def _collisions(self, using: str, scopes: list[str]) -> list[str]:
        groups: dict[tuple[Any, ...], list[str]] = {}
        for key, address, *values in self._rows(using, scopes):
            held = [(scope, value) for scope, value in zip(scopes, values, strict=True) if value not in (None, "")]
            for scope in held or [("", None)]:
                groups.setdefault((*scope, canonical(address)), []).append(f"{address!r} (id {key})")
        return [
            f"{self.what}{f' with {scope} {value}' if scope else ''}: {' and '.join(sorted(spellings))}"
            for (scope, value, _address), spellings in groups.items()
            if len(spellings) > 1
        ]

    def fill(self, using: str) -> None:
        quote = connections[using].ops.quote_name
        statement = f"UPDATE {quote(self.table)} SET {quote(self.derived)} = %s WHERE id = %s"  # noqa: S608  # nosec B608
        rows = [(canonical(address), key) for key, address in self._rows(using, [])]
        with connections[using].cursor() as cursor:
            cursor.executemany(statement, rows)

    def _rows(self, using: str, scopes: list[str]) -> list[tuple[Any, ...]]:
        """The id, the address and the scopes, as the database has them."""
        quote = connections[using].ops.quote_name
        names = ", ".join(map(quote, ("id", self.column, *scopes)))
        with connections[using].cursor() as cursor:
            cursor.execute(f"SELECT {names} FROM {quote(self.table)}")  # noqa: S608  # nosec B608
            return list(cursor.fetchall())


ACCOUNTS = (AddressColumn("accounts_user", "email", "accounts"),)
_watched: list[AddressColumn] = []


def watch(*columns: AddressColumn) -> None:
    """Each `migrate` looks at these columns too before its first change, whichever migrations are still to run."""
    _watched.extend(column for column in columns if column not in _watched)


def before_migrate(using: str, **_signal: Any) -> None:
    """Of every app at once: all that collides is told in one list. Raises CollidingAddresses."""
    refuse_collisions(_watched, using)


def refuse_collisions(columns: Iterable[AddressColumn], using: str) -> None:
    """Raises CollidingAddresses."""
    found = [line for column in columns for line in column.collisions(using)]
    if not found:
        return
    listed = "\n  ".join(found[:MOST_LISTED])
    more = f"\n  and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else ""
    raise CollidingAddresses(
        "Addresses that differ only in letter case, in characters that are not shown or in how their domain is "
        f"written are one address from this version on, and the database holds some of them twice:\n  {listed}{more}\n"
        "Nothing was changed. Start the version that ran before, delete all but one of each, then upgrade again."
    )


def fill_in(*columns: AddressColumn) -> Callable[[Any, Any], None]:
    """For RunPython, after the columns are added."""

    def run(_apps: Any, schema_editor: Any) -> None:
        for column in columns:
            column.fill(schema_editor.connection.alias)

    return run
