"""INSERT … SELECT for a query of the ORM: what is owed is written where it is found, whatever the number of rows."""

from __future__ import annotations

from typing import Any

from django.db import connection, models
from django.db.models import QuerySet


def insert_from(model: type[models.Model], columns: tuple[str, ...], rows: QuerySet[Any, Any]) -> int:
    """Inserts the rows that are not there yet; returns how many. `rows` gives values in the order of `columns`.

    Raises ValueError for a query that Django knows to be empty. Works on SQLite and PostgreSQL alike.
    """
    quote = connection.ops.quote_name
    select, parameters = rows.order_by().query.sql_with_params()
    names = ", ".join(quote(column) for column in columns)
    # Nothing of a user's is in this text: names come from the models, values go as parameters.
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({names}) {select} ON CONFLICT DO NOTHING"
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return max(int(cursor.rowcount), 0)
