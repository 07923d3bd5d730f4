"""At start, check the triggers that keep the audit trail append-only, restore them, and audit tampering.

The check runs before migrations: SQLite drops the triggers of a rebuilt table, which is no tampering.
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
"""Findings of the current `migrate`, before it began."""


def tampered(*, is_upgrade: bool) -> list[TriggerFinding]:
    """Trigger problems since this program last ran. `is_upgrade`: migrations are due."""
    known = ADDED_LATER if is_upgrade else frozenset()
    return [
        finding
        for finding in triggers.findings(connection)
        if not (finding.problem == TriggerProblem.MISSING and finding.name in known)
    ]


def restore(found: list[TriggerFinding]) -> None:
    """Restore missing and altered triggers, and audit `found`, the findings from before the migrations."""
    try:
        with transaction.atomic():
            triggers.install(connection)
            if found:
                record(AuditAction.AUDIT_UNGUARDED, triggers={finding.name: finding.problem for finding in found})
    except DatabaseError as error:
        # The program's role may lack the right; verify_audit reports it until the tables' owner restores them.
        log.error("The triggers that keep the audit trail append-only cannot be put back: %s", type(error).__name__)


def before_migrate(plan: Sequence[object], using: str, **_signal: object) -> None:
    if using == connection.alias:
        _found[:] = tampered(is_upgrade=bool(plan))


def after_migrate(using: str, **_signal: object) -> None:
    """Also called after `flush`, which is no migration."""
    if using == connection.alias:
        found = list(_found)
        _found.clear()
        restore(found)
