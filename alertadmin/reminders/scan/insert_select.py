"""INSERT … SELECT for a query of the ORM: what is owed is written where it is found, whatever the number of rows."""

from __future__ import annotations

from typing import Any

from django.db import connection, models
from django.db.models import Func, QuerySet, UUIDField


def insert_from(like: models.Model, columns: tuple[str, ...], rows: QuerySet[Any, Any]) -> int:
    """Inserts the rows that are not there yet; returns how many. `rows` gives values in the order of `columns`.

    What they do not give is in each row as it is in `like`, an instance of the model. Raises ValueError for a query
    that Django knows to be empty. Works on SQLite and PostgreSQL alike.
    """
    quote = connection.ops.quote_name
    select, parameters = rows.order_by().query.sql_with_params()
    same = {
        str(field.column): field.get_db_prep_save(getattr(like, field.attname), connection)
        for field in like._meta.concrete_fields
        if field.column not in columns and not field.primary_key
    }
    names = ", ".join(quote(column) for column in (*columns, *same))
    wanted = ", ".join(("found.*", *("%s" for _column in same)))
    # Nothing of a user's is in this text: names come from the models, values go as parameters. Without WHERE, SQLite
    # would read ON CONFLICT as the ON of a join.
    into = f"INSERT INTO {quote(like._meta.db_table)} ({names})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"{into} SELECT {wanted} FROM ({select}) AS found WHERE true ON CONFLICT DO NOTHING",  # noqa: S608  # nosec B608
            [*same.values(), *parameters],
        )
        return max(int(cursor.rowcount), 0)


class RandomUUID(Func):
    """A UUID (version 4) that the database makes, for each row another."""

    output_field = UUIDField()

    def get_group_by_cols(self) -> list[Any]:
        """None: it would make each row a group of its own."""
        return []

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[str | int, ...]]:
        digits = (
            "hex(randomblob(6)) || '4' || substr(hex(randomblob(2)), 2) || "
            "substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(8)), 2)"
        )
        return f"lower({digits})", ()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[str | int, ...]]:
        return "gen_random_uuid()", ()
