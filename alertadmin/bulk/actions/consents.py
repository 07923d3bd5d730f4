"""Check consent, and request it by mail. A row of the job is an app in a tenant, wherever it was selected."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.bulk import messages
from alertadmin.bulk.actions.base import BulkAction, BulkResult, Target
from alertadmin.bulk.actions.tenants import name_some
from alertadmin.bulk.models import BulkJob, BulkRow, RowState
from alertadmin.outbox.mails import consent_request
from alertadmin.registry.clouds import UnknownName
from alertadmin.registry.consent.checks import check_consent
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import AppRegistration, Consent, ConsentStatus, Tenant
from mailer.coded_text import message_of


class _ByAppAndTenant(BulkAction[Consent]):
    """For selected consents, apps or tenants: each app in each tenant where it needs a permission."""

    model = Consent
    right = Right.OPERATE

    def targets(self, access: Access, selected: QuerySet[Any]) -> Generator[Target]:
        chosen = access.visible(Consent, self.right).filter(self._of(selected)).order_by("tenant__name", "app__name")
        pairs = chosen.values_list("app", "tenant", "app__name", "tenant__name")
        seen = set()
        for app, tenant, app_name, tenant_name in pairs.iterator(chunk_size=500):
            if (app, tenant) not in seen:
                seen.add((app, tenant))
                yield Target(f"{app}:{tenant}", f"{tenant_name} / {app_name}")

    def _of(self, selected: QuerySet[Any]) -> Q:
        """Consents of the selected rows; a consent stands for all those of its app and tenant."""
        if selected.model is Consent:
            return Q(Exists(selected.order_by().filter(app=OuterRef("app"), tenant=OuterRef("tenant"))))
        paths: dict[type[Model], str] = {AppRegistration: "app", Tenant: "tenant"}
        return Q(**{f"{paths[selected.model]}__in": selected.order_by().values("pk")})

    def find(self, access: Access, row: BulkRow) -> Any:
        app, tenant = map(UUID, row.key.split(":"))
        mine = access.visible(Consent, self.right).filter(app=app, tenant=tenant)
        return mine.select_related("app__tenant", "tenant").first()


class CheckConsent(_ByAppAndTenant):
    name = "check_consent"
    label = _("Check consent")

    def prepare(self, found: Consent, row: BulkRow, job: BulkJob, now: datetime) -> list[Consent]:
        sync_required_consents([found.app])
        return check_consent(found.app, found.tenant, now=now)

    def apply(self, found: Consent, row: BulkRow, job: BulkJob, now: datetime, prepared: Any) -> BulkResult:
        if not prepared:
            return BulkResult(RowState.UNCHANGED, messages.NOTHING_REQUIRED % {})
        failed = next((one for one in prepared if one.status == ConsentStatus.ERROR), None)
        if failed is not None:
            return BulkResult(RowState.FAILED, failed.technical)
        granted = sum(one.status == ConsentStatus.GRANTED for one in prepared)
        return BulkResult(RowState.DONE, messages.CHECKED % {"granted": str(granted), "all": str(len(prepared))})


class RequestConsent(_ByAppAndTenant):
    """Asks each contact of the tenant, by one mail for all missing permissions of the app."""

    name = "request_consent"
    label = _("Request consent by mail")

    def targets(self, access: Access, selected: QuerySet[Any]) -> Generator[Target]:
        lacking = Consent.objects.exclude(status=ConsentStatus.GRANTED).order_by().values_list("app", "tenant")
        needed = {f"{app}:{tenant}" for app, tenant in lacking.filter(self._of(selected)).iterator(chunk_size=500)}
        return (one for one in super().targets(access, selected) if one.key in needed)

    def apply(self, found: Consent, row: BulkRow, job: BulkJob, now: datetime, prepared: Any) -> BulkResult:
        contacts = list(found.tenant.contacts.values_list("email", flat=True))
        if not contacts:
            return BulkResult(RowState.SKIPPED, messages.NO_CONTACT % {})
        sent = []
        for recipient in contacts:
            try:
                consent_request.request_consent(found.app, found.tenant, recipient, by=job.user, now=now)
            except consent_request.AlreadyRequested:
                continue
            except consent_request.NothingToRequest:
                return BulkResult(RowState.UNCHANGED, messages.NOTHING_TO_REQUEST % {})
            except UnknownName as error:
                return BulkResult(RowState.FAILED, message_of(error))
            sent.append(recipient)
        if not sent:
            days = str(consent_request.MIN_INTERVAL.days)
            return BulkResult(RowState.UNCHANGED, messages.ALREADY_REQUESTED % {"days": days})
        return BulkResult(RowState.DONE, messages.REQUESTED % {"recipients": name_some(sent)})
