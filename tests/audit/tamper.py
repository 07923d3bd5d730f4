"""What a database client with the owner's rights can do to the audit trail; none of our programs can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from alertadmin.audit import triggers
from alertadmin.audit.triggers import POSTGRESQL, SQLITE, TABLE


@contextmanager
def without_triggers() -> Iterator[None]:
    """Takes the triggers away and puts them back, where they were."""
    were_there = not triggers.findings(connection)
    with transaction.atomic():
        if were_there:
            drop_triggers()
        yield
        if were_there:
            triggers.install(connection)


def drop_triggers() -> None:
    is_postgresql = connection.vendor == "postgresql"
    for name in POSTGRESQL if is_postgresql else SQLITE:
        run(f"DROP TRIGGER {name}" + (f" ON {TABLE}" if is_postgresql else ""))


def run(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def alter(number: int, column: str, value: Any) -> None:
    run(f"UPDATE {TABLE} SET {column} = %s WHERE number = %s", value, number)


def remove(number: int) -> None:
    run(f"DELETE FROM {TABLE} WHERE number = %s", number)


def renumber(number: int, to: int) -> None:
    run(f"UPDATE {TABLE} SET number = %s WHERE number = %s", to, number)


def swap(one: int, other: int) -> None:
    renumber(one, -1)
    renumber(other, one)
    renumber(-1, other)


def insert(content: dict[str, Any], last: int) -> None:
    """A made-up entry at its number; those from there on up to the last move up by one."""
    for moved in range(last, content["number"] - 1, -1):
        renumber(moved, moved + 1)
    columns = ", ".join(content)
    places = ", ".join(["%s"] * len(content))
    run(f"INSERT INTO {TABLE} ({columns}) VALUES ({places})", *content.values())
