"""Actions on tenants: contacts, time zone, language, reminder policy."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from alertadmin import audit
from alertadmin.accounts.access import Access
from alertadmin.audit import AuditAction
from alertadmin.bulk import messages
from alertadmin.bulk.actions.base import BulkAction, BulkResult
from alertadmin.bulk.models import BulkJob, BulkRow, RowState
from alertadmin.registry.models import Tenant
from alertadmin.registry.registration import set_contacts
from alertadmin.reminders.policy_copy import copy_schedule

MAX_NAMED = 5
"""Addresses named in a result."""


def name_some(addresses: list[str]) -> str:
    """The first addresses, and the number of the others."""
    more = len(addresses) - MAX_NAMED
    return ", ".join(addresses[:MAX_NAMED]) + (f" (+{more})" if more > 0 else "")


class SetContacts(BulkAction[Tenant]):
    """Parameters: `contacts`, a list of addresses; `keep`, whether the present contacts stay."""

    name = "contacts"
    label = _("Set contacts")
    model = Tenant

    def apply(self, found: Tenant, row: BulkRow, job: BulkJob, now: datetime, prepared: Any) -> BulkResult:
        present = list(found.contacts.values_list("email", flat=True))
        wanted = [*(present if job.parameters["keep"] else ()), *job.parameters["contacts"]]
        with audit.record_change(AuditAction.TENANT_CHANGED, found) as details:
            details["contacts"] = set_contacts(found, wanted)
        after = list(found.contacts.values_list("email", flat=True))
        state = RowState.UNCHANGED if after == present else RowState.DONE
        return BulkResult(state, messages.CONTACTS_SET % {"contacts": name_some(after)})


class _SetField(BulkAction[Tenant]):
    """Set one field of each tenant to the parameter `value`."""

    model = Tenant
    field: ClassVar[str]

    def apply(self, found: Tenant, row: BulkRow, job: BulkJob, now: datetime, prepared: Any) -> BulkResult:
        before, value = getattr(found, self.field), job.parameters["value"]
        if before == value:
            return BulkResult(RowState.UNCHANGED, messages.SAME % {})
        with audit.record_change(AuditAction.TENANT_CHANGED, found):
            setattr(found, self.field, value)
            found.save(update_fields=[self.field])
        return BulkResult(RowState.DONE, messages.SET % {"before": before or "–", "after": value or "–"})


class SetTimeZone(_SetField):
    name = "time_zone"
    label = _("Set time zone")
    field = "time_zone"


class SetLanguage(_SetField):
    name = "language"
    label = _("Set language")
    field = "language"


class SetPolicy(BulkAction[Tenant]):
    """Parameter `like`: the id of a tenant whose schedule and times are copied; empty to follow the installation's."""

    name = "policy"
    label = _("Set reminder policy")
    model = Tenant

    def apply(self, found: Tenant, row: BulkRow, job: BulkJob, now: datetime, prepared: Any) -> BulkResult:
        like: Tenant | None = None
        if job.parameters["like"]:
            like = self._visible(job).filter(pk=job.parameters["like"]).first()
            if like is None:
                return BulkResult(RowState.SKIPPED, messages.NOT_YOURS % {})
        changed = copy_schedule(like, found)
        return BulkResult(RowState.DONE) if changed else BulkResult(RowState.UNCHANGED, messages.SAME % {})

    def _visible(self, job: BulkJob) -> QuerySet[Tenant]:
        return Access(job.user).visible(Tenant)
