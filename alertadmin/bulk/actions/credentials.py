"""Acknowledge reminders, and notify the owners of expiring secrets."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.bulk import messages
from alertadmin.bulk.actions.base import BulkAction, BulkResult, Target
from alertadmin.bulk.actions.tenants import name_some
from alertadmin.bulk.models import BulkJob, BulkRow, RowState
from alertadmin.outbox.mails import renewal_request
from alertadmin.registry.models import Credential, CredentialState, Tenant
from alertadmin.reminders import snoozes
from alertadmin.reminders.models import SnoozeKind


class Acknowledge(BulkAction[Credential]):
    """Parameters: `until`, a moment in ISO form; `reason`."""

    name = "acknowledge"
    label = _("Acknowledge reminders")
    model = Credential
    right = Right.OPERATE

    def rows(self) -> QuerySet[Credential]:
        return Credential.objects.select_related("app__tenant").defer("value", "certificate")

    def targets(self, access: Access, selected: QuerySet[Credential]) -> Generator[Target]:
        monitored = selected.exclude(state=CredentialState.RETIRED).select_related("app__tenant")
        for row in monitored.defer("value", "certificate").iterator(chunk_size=500):
            yield Target(str(row.pk), f"{row.app.tenant.name} / {row.app.name} / {row}")

    def apply(self, found: Credential, row: BulkRow, job: BulkJob, now: datetime, prepared: Any) -> BulkResult:
        until = datetime.fromisoformat(job.parameters["until"])
        try:
            snoozes.snooze(
                found, SnoozeKind.ACKNOWLEDGED, until=until, reason=job.parameters["reason"], by=job.user, now=now
            )
        except ValidationError as refused:
            return BulkResult(RowState.FAILED, messages.REFUSED % {"reason": " ".join(refused.messages)})
        return BulkResult(RowState.DONE, messages.ACKNOWLEDGED % {"until": date_format(until, "SHORT_DATE_FORMAT")})


class NotifyOwners(BulkAction[Tenant]):
    """One mail to each contact of a tenant, with all its selected secrets. A row of the job is a tenant."""

    name = "notify_owners"
    label = _("Notify the owners")
    model = Tenant
    right = Right.OPERATE

    def targets(self, access: Access, selected: QuerySet[Any]) -> Generator[Target]:
        monitored = selected.exclude(state=CredentialState.RETIRED)
        rows = monitored.order_by("app__tenant__name", "app__tenant", "expires_at", "pk")
        found: dict[str, tuple[str, list[str]]] = {}
        for pk, tenant, name in rows.values_list("pk", "app__tenant", "app__tenant__name").iterator(chunk_size=500):
            found.setdefault(str(tenant), (name, []))[1].append(str(pk))
        for key, (name, credentials) in found.items():
            yield Target(key, name, {"credentials": credentials})

    def apply(self, found: Tenant, row: BulkRow, job: BulkJob, now: datetime, prepared: Any) -> BulkResult:
        mine = Access(job.user).visible(Credential, self.right).filter(app__tenant=found)
        credentials = renewal_request.still_expiring(mine.filter(pk__in=row.parameters["credentials"]))
        if not credentials.exists():
            return BulkResult(RowState.UNCHANGED, messages.RENEWED % {})
        contacts = list(found.contacts.values_list("email", flat=True))
        if not contacts:
            return BulkResult(RowState.SKIPPED, messages.NO_CONTACT % {})
        for recipient in contacts:
            renewal_request.request_renewal(
                found, list(credentials), recipient, by=job.user, key=f"{job.pk}:{row.pk}", now=now
            )
        count = str(credentials.count())
        return BulkResult(
            RowState.DONE, messages.OWNERS_NOTIFIED % {"secrets": count, "recipients": name_some(contacts)}
        )
