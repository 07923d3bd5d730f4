"""The audit trail: who did what to what, when, from where, and with which result. Append-only.

from alertadmin import audit

with transaction.atomic():
    tenant.save()
    audit.record(audit.AuditAction.TENANT_CREATED, tenant)
with audit.record_change(audit.AuditAction.TENANT_CHANGED, tenant):
    tenant.save()
"""

from alertadmin.audit.actions import AuditAction, Result
from alertadmin.audit.log import OutsideTransaction, head, record, record_change, record_refusal, record_save, recorded
from alertadmin.audit.models import AppendOnly, AuditEntry
from alertadmin.audit.target import AuditTarget

__all__ = [
    "AppendOnly",
    "AuditAction",
    "AuditEntry",
    "AuditTarget",
    "OutsideTransaction",
    "Result",
    "head",
    "record",
    "record_change",
    "record_refusal",
    "record_save",
    "recorded",
]
