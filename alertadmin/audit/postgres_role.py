"""PostgreSQL role of the program, with minimal rights: it reads and writes rows, but can change neither the schema nor
past audit entries.

The owner of the tables runs migrations (`./run --setup`); the program runs as this role. An attacker who controls the
program, or has its password, can neither alter tables, drop the triggers, nor rewrite the audit trail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from django.db import connection, transaction

from alertadmin.audit.triggers import TABLE

NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
"""Names that need no quoting."""


def grants(role: str) -> Iterator[str]:
    """Statements for the owner of the tables. Repeatable; run again after each upgrade, for new tables."""
    names = sorted(connection.introspection.table_names())
    quote = connection.ops.quote_name
    tables = ", ".join(quote(name) for name in names if name != TABLE)
    yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    yield f"GRANT USAGE ON SCHEMA public TO {role}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {role}"
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}"
    yield f"REVOKE ALL ON {quote(TABLE)} FROM {role}"
    yield f"GRANT SELECT, INSERT ON {quote(TABLE)} TO {role}"
    yield f"GRANT EXECUTE ON FUNCTION alertadmin_prune_audit(bigint) TO {role}"


def apply(statements: Iterable[str]) -> None:
    """Execute all statements in one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        for one in statements:
            cursor.execute(one)


def exists(role: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        return cursor.fetchone() is not None
