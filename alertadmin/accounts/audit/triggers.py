"""What the database itself refuses: changing an entry, and deleting one but by retention.

An entry may be deleted once an entry of AUDIT_PRUNED stands in the trail that names it or a later one (`through`), and
if it is older than 31 days, the shortest time that any installation keeps them. So nobody who comes in through this
program, nor anybody with its rights at the database, can take away fresh traces, and there is no flag that would let
them.

Put in place after each `migrate` (accounts/apps.py), because SQLite forgets a table's triggers when it rebuilds it.
Where the program's own role may not change the schema, its owner has put them there: see `manage.py database_roles`.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "accounts_auditentry"
NAMES = {
    "sqlite": ("audit_stays_as_it_is", "audit_stays"),
    "postgresql": ("audit_stays_as_it_is", "audit_stays", "audit_is_not_emptied"),
}

SQLITE = """
CREATE TRIGGER IF NOT EXISTS audit_stays_as_it_is BEFORE UPDATE ON accounts_auditentry
BEGIN
    SELECT RAISE(ABORT, 'The audit trail is only added to.');
END;
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE DELETE ON accounts_auditentry
WHEN OLD.at >= strftime('%Y-%m-%d %H:%M:%f', 'now', '-31 days') OR NOT EXISTS (
    SELECT 1 FROM accounts_auditentry WHERE act = 'audit.pruned' AND json_extract(details, '$.through') >= OLD.number
)
BEGIN
    SELECT RAISE(ABORT, 'This entry of the audit trail stays.');
END;
"""
POSTGRESQL = """
CREATE OR REPLACE FUNCTION alertadmin_audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < now() - interval '31 days' AND EXISTS (
        SELECT 1 FROM accounts_auditentry WHERE act = 'audit.pruned' AND (details ->> 'through')::bigint >= OLD.number
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'The audit trail is only added to.' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE OR REPLACE FUNCTION alertadmin_prune_audit(through bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    WITH gone AS (DELETE FROM accounts_auditentry WHERE number <= through RETURNING 1) SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION alertadmin_prune_audit(bigint) FROM PUBLIC;
CREATE OR REPLACE TRIGGER audit_stays_as_it_is BEFORE UPDATE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION alertadmin_audit_stays();
CREATE OR REPLACE TRIGGER audit_stays BEFORE DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION alertadmin_audit_stays();
CREATE OR REPLACE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON accounts_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION alertadmin_audit_stays();
"""
"""`alertadmin_prune_audit` deletes for a role that may not: by its owner's right, within what the triggers allow."""


def are_there(connection: BaseDatabaseWrapper) -> bool:
    catalogue = "pg_trigger WHERE tgname" if connection.vendor == "postgresql" else "sqlite_master WHERE name"
    wanted = NAMES[connection.vendor]
    with connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(wanted))
        cursor.execute(f"SELECT count(*) FROM {catalogue} IN ({places})", wanted)  # noqa: S608  # nosec B608
        found: int = cursor.fetchone()[0]
    return found == len(wanted)


def install(connection: BaseDatabaseWrapper) -> None:
    """Where they are there already it changes nothing, so that a role without that right can `migrate` too."""
    if TABLE not in connection.introspection.table_names() or are_there(connection):
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL)
        else:
            for statement in SQLITE.split("END;")[:-1]:
                cursor.execute(f"{statement}END;")


def after_migrate(using: str, **_signal: Any) -> None:
    from django.db import connections

    install(connections[using])
