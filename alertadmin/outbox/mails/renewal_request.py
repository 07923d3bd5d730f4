"""The mail that asks a tenant's contact to renew secrets: what expires when, at the request of a user."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import css_inline
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import ngettext

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction
from alertadmin.outbox import mail_limits, messages
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.mails.recipient_language import language_of
from alertadmin.outbox.models import Delivery, Purpose, RenewalRequest
from alertadmin.outbox.queue import wakeup
from alertadmin.registry.models import Credential, CredentialState, Tenant
from alertadmin.registry.safe_names import clean, quoted
from mailer.email_address import canonical

MAX_LINES = 100
"""Secrets listed in one mail; the rest is counted."""


def still_expiring(credentials: QuerySet[Credential]) -> QuerySet[Credential]:
    """Those that are still monitored, the next to expire first."""
    monitored = credentials.exclude(state=CredentialState.RETIRED).select_related("app__tenant")
    return monitored.defer("value", "certificate").order_by("expires_at", "pk")


@transaction.atomic
def request_renewal(
    tenant: Tenant, credentials: Sequence[Credential], recipient: str, *, by: User, key: str, now: datetime
) -> RenewalRequest:
    """Write the request and its mail, and wake the worker. `key` is unique for one request to one recipient: a repeated
    one returns the first. Raises TooManyMails."""
    dedupe_key = f"renewal:{key}:{canonical(recipient)}"
    if found := RenewalRequest.objects.filter(delivery__dedupe_key=dedupe_key).first():
        return found
    mail_limits.count_mail(by, tenant.pk, recipient, now)
    delivery = Delivery.objects.create(
        purpose=Purpose.RENEWAL,
        dedupe_key=dedupe_key,
        recipient=recipient,
        created_at=now,
        not_before=now,
        urgency=min(one.expires_at for one in credentials),
    )
    request = RenewalRequest.objects.create(
        tenant=tenant,
        recipient=recipient,
        delivery=delivery,
        by=by,
        by_name=f"{by.name} ({by.email})" if by.name else by.email,
        at=now,
    )
    request.credentials.set(credentials)
    audit.record(
        AuditAction.RENEWAL_REQUESTED,
        tenant,
        by=by,
        recipient=recipient,
        count=len(credentials),
        entry=request.pk,
        now=now,
    )
    wakeup.notify_worker()
    return request


def compose(delivery: Delivery, now: datetime) -> Content | Obsolete:
    """In the language of the recipient's account, if there is one, else of the tenant. Secrets that were replaced
    meanwhile are omitted."""
    request = RenewalRequest.objects.filter(delivery=delivery).select_related("tenant").first()
    credentials = list(still_expiring(request.credentials.all())) if request else []
    if request is None or not credentials:
        return Obsolete(messages.SECRETS_RENEWED)
    language = language_of(delivery.recipient, request.tenant)
    with translation.override(language):
        return _render(request, credentials, now, language or settings.LANGUAGE_CODE)


def _render(request: RenewalRequest, credentials: list[Credential], now: datetime, language: str) -> Content:
    subject = ngettext(
        "%(count)d secret of %(tenant)s expires: please renew it",
        "%(count)d secrets of %(tenant)s expire: please renew them",
        len(credentials),
    )
    zone = request.tenant.zone
    context = {
        "subject": subject % {"count": len(credentials), "tenant": clean(request.tenant.name)},
        "by": clean(request.by_name.rpartition(" (")[0] or request.by_name.partition("@")[0]),
        "tenant": clean(request.tenant.name),
        "lines": [
            {
                "app": quoted(one.app.name),
                "what": quoted(str(one)),
                "ends": date_format(one.expires_at.astimezone(zone), "DATE_FORMAT"),
                "is_expired": one.is_expired(now),
                "url": settings.PUBLIC_URL + reverse("credential", args=[one.pk]),
            }
            for one in credentials[:MAX_LINES]
        ],
        "more": len(credentials[MAX_LINES:]),
    }
    html = css_inline.inline(
        render_to_string("credentials/renewal_request.html", context), load_remote_stylesheets=False
    )
    return Content(
        str(context["subject"]), render_to_string("credentials/renewal_request.txt", context), html, language=language
    )


def owner(delivery: Delivery) -> UUID | None:
    """The tenant whose contact is asked."""
    return RenewalRequest.objects.filter(delivery=delivery).values_list("tenant", flat=True).first()
