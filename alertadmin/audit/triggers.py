"""Database triggers that reject changes to audit entries, and deletions other than by retention.

An entry can be deleted once the trail has an AUDIT_PRUNED entry that names it or a later one (`through`), and if it is
older than 31 days, the minimum retention. So neither a user of this program nor a database client with its rights can
delete recent entries, and no flag allows it.

On SQLite, INSERT OR REPLACE deletes the conflicting entry without firing the DELETE trigger (`recursive_triggers` is
off by default), matched by number or rowid: so a trigger on INSERT rejects both.

Created after each `migrate`, because SQLite drops a table's triggers when it rebuilds it, and at each start (see
`trigger_check`). If the program's role may not change the schema, the tables' owner has created them: see
`manage.py database_roles`.

Sources: SQLite, "CREATE TRIGGER" and "The ON CONFLICT Clause"; PostgreSQL 15, "pg_trigger".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "accounts_auditentry"

SQLITE = {
    "audit_stays_as_it_is": """
CREATE TRIGGER audit_stays_as_it_is BEFORE UPDATE ON accounts_auditentry
BEGIN
    SELECT RAISE(ABORT, 'The audit trail is only added to.');
END""",
    "audit_stays": """
CREATE TRIGGER audit_stays BEFORE DELETE ON accounts_auditentry
WHEN OLD.at >= strftime('%Y-%m-%d %H:%M:%f', 'now', '-31 days') OR NOT EXISTS (
    SELECT 1 FROM accounts_auditentry WHERE act = 'audit.pruned' AND json_extract(details, '$.through') >= OLD.number
)
BEGIN
    SELECT RAISE(ABORT, 'This entry of the audit trail stays.');
END""",
    "audit_replaces_nothing": """
CREATE TRIGGER audit_replaces_nothing BEFORE INSERT ON accounts_auditentry
WHEN EXISTS (SELECT 1 FROM accounts_auditentry WHERE number = NEW.number OR rowid = NEW.rowid)
BEGIN
    SELECT RAISE(ABORT, 'This entry of the audit trail stays.');
END""",
}
FUNCTION = """
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < now() - interval '31 days' AND EXISTS (
        SELECT 1 FROM accounts_auditentry WHERE act = 'audit.pruned' AND (details ->> 'through')::bigint >= OLD.number
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'The audit trail is only added to.' USING ERRCODE = 'insufficient_privilege';
END """
POSTGRESQL = {
    "audit_stays_as_it_is": "BEFORE UPDATE ON accounts_auditentry FOR EACH ROW",
    "audit_stays": "BEFORE DELETE ON accounts_auditentry FOR EACH ROW",
    "audit_is_not_emptied": "BEFORE TRUNCATE ON accounts_auditentry FOR EACH STATEMENT",
}
TYPES = {"audit_stays_as_it_is": 1 | 2 | 16, "audit_stays": 1 | 2 | 8, "audit_is_not_emptied": 2 | 32}
"""`pg_trigger.tgtype`: row 1, before 2, DELETE 8, UPDATE 16, TRUNCATE 32."""
CREATE_FUNCTION = (
    f"CREATE OR REPLACE FUNCTION alertadmin_audit_stays() RETURNS trigger LANGUAGE plpgsql AS $${FUNCTION}$$"
)
CREATE_PRUNE_FUNCTION = """
CREATE OR REPLACE FUNCTION alertadmin_prune_audit(through bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    WITH gone AS (DELETE FROM accounts_auditentry WHERE number <= through RETURNING 1) SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION alertadmin_prune_audit(bigint) FROM PUBLIC;
"""
"""Deletes for the program's role with the owner's rights, within the limits of the triggers."""
SELECT_TRIGGERS = """
SELECT tgname, tgtype, tgenabled = 'O' AND tgqual IS NULL AND tgattr::text = '', proname, prosrc
FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE tgrelid = 'accounts_auditentry'::regclass AND NOT tgisinternal
"""
ADDED_LATER = frozenset({"audit_replaces_nothing"})
"""Missing in databases of earlier versions, where that is no tampering until they are migrated."""


class TriggerProblem(StrEnum):
    MISSING = "missing"
    ALTERED = "altered"
    """The trigger differs or is disabled."""
    UNKNOWN = "unknown"
    """A trigger on the table that is not this program's: it could discard entries."""


@dataclass(frozen=True, order=True)
class TriggerFinding:
    name: str
    """The trigger's name."""
    problem: TriggerProblem


def findings(connection: BaseDatabaseWrapper) -> list[TriggerFinding]:
    """Differences from the expected triggers; empty if there are none, or no audit table yet."""
    if TABLE not in connection.introspection.table_names():
        return []
    found = dict(_installed_triggers(connection))
    wanted = POSTGRESQL if connection.vendor == "postgresql" else SQLITE
    missing = [TriggerFinding(name, TriggerProblem.MISSING) for name in wanted if name not in found]
    altered = [
        TriggerFinding(name, TriggerProblem.ALTERED)
        for name, is_right in found.items()
        if name in wanted and not is_right
    ]
    unknown = [TriggerFinding(name, TriggerProblem.UNKNOWN) for name in found if name not in wanted]
    return sorted(missing + altered + unknown)


def _installed_triggers(connection: BaseDatabaseWrapper) -> Iterator[tuple[str, bool]]:
    """Each trigger on the table, and whether it is this program's, unaltered and enabled."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(SELECT_TRIGGERS)
            for name, kind, works, function, source in cursor.fetchall():
                is_ours = function == "alertadmin_audit_stays" and source == FUNCTION
                yield name, works and is_ours and kind == TYPES.get(name)
        else:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s COLLATE NOCASE", [TABLE]
            )
            for name, statement in cursor.fetchall():
                yield name, _normalize(statement) == _normalize(SQLITE.get(name, ""))


def _normalize(statement: str) -> str:
    return re.sub(r"\s+", " ", statement).strip()


def install(connection: BaseDatabaseWrapper) -> list[TriggerFinding]:
    """Restore missing and altered triggers. Returns what was restored. Changes nothing if all is in place, so that a
    role without that right can `migrate` too. Unknown triggers stay: see `verify_audit`."""
    mended = [finding for finding in findings(connection) if finding.problem != TriggerProblem.UNKNOWN]
    if mended:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(CREATE_FUNCTION)
                cursor.execute(CREATE_PRUNE_FUNCTION)
            for finding in mended:
                _recreate(cursor.execute, finding.name, is_postgresql=connection.vendor == "postgresql")
    return mended


def _recreate(execute: Callable[[str], object], name: str, *, is_postgresql: bool) -> None:
    if is_postgresql:
        execute(f"DROP TRIGGER IF EXISTS {name} ON {TABLE}")
        execute(f"CREATE TRIGGER {name} {POSTGRESQL[name]} EXECUTE FUNCTION alertadmin_audit_stays()")
    else:
        execute(f"DROP TRIGGER IF EXISTS {name}")
        execute(SQLITE[name])
