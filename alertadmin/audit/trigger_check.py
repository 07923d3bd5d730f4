"""A start looks whether the triggers that keep the trail append-only are in place, puts them back and says so on the
record.

Before the tables are migrated, since SQLite drops a rebuilt table's triggers itself, and that is no tampering.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db import DatabaseError, connection, transaction

from alertadmin.audit import triggers
from alertadmin.audit.actions import AuditAction
from alertadmin.audit.log import record
from alertadmin.audit.triggers import ADDED_LATER, TriggerFinding, TriggerProblem

log = logging.getLogger(__name__)
_found: list[TriggerFinding] = []
"""By the `migrate` under way, before it began."""


def tampered(*, is_upgrade: bool) -> list[TriggerFinding]:
    """What was done to the triggers since this program last ran. `is_upgrade`: migrations are due."""
    known = ADDED_LATER if is_upgrade else frozenset()
    return [
        finding
        for finding in triggers.findings(connection)
        if not (finding.problem == TriggerProblem.MISSING and finding.name in known)
    ]


def restore(found: list[TriggerFinding]) -> None:
    """Puts back what is missing or altered, and records `found`, which was seen before the tables were migrated."""
    try:
        with transaction.atomic():
            triggers.install(connection)
            if found:
                record(AuditAction.AUDIT_UNGUARDED, triggers={finding.name: finding.problem for finding in found})
    except DatabaseError as error:
        # The program's own role may have no right to it; verify_audit tells until the tables' owner has put them back.
        log.error("The triggers that keep the audit trail append-only cannot be put back: %s", type(error).__name__)


def before_migrate(plan: Sequence[object], using: str, **_signal: object) -> None:
    if using == connection.alias:
        _found[:] = tampered(is_upgrade=bool(plan))


def after_migrate(using: str, **_signal: object) -> None:
    """Also after `flush`, which is no migration."""
    if using == connection.alias:
        found = list(_found)
        _found.clear()
        restore(found)
