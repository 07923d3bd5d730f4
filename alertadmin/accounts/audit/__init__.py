"""The audit trail: who did what to what, when, from where, and what came of it. Added to, never changed.

from alertadmin.accounts import audit

with transaction.atomic():
    tenant.save()
    audit.record(audit.Act.TENANT_CREATED, tenant)
with audit.changing(audit.Act.TENANT_CHANGED, tenant):
    tenant.save()
"""

from alertadmin.accounts.audit.acts import Act, Result
from alertadmin.accounts.audit.entry import AppendOnly, AuditEntry
from alertadmin.accounts.audit.recording import (
    OutsideTransaction,
    changing,
    head,
    record,
    record_alone,
    recorded,
    saving,
)
from alertadmin.accounts.audit.subject import Subject

__all__ = [
    "Act",
    "AppendOnly",
    "AuditEntry",
    "OutsideTransaction",
    "Result",
    "Subject",
    "changing",
    "head",
    "record",
    "record_alone",
    "recorded",
    "saving",
]
