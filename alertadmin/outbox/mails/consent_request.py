"""The mail that asks a tenant's administrator to consent to an app's missing permissions: one for all, with steps."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import css_inline
from django.conf import settings
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction
from alertadmin.outbox import mail_limits, messages
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.mails.recipient_language import language_of
from alertadmin.outbox.models import ConsentRequest, Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import wakeup
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.consent.admin_consent_url import consent_link
from alertadmin.registry.models import AppRegistration, Consent, ConsentStatus, Tenant
from alertadmin.registry.permissions import Permission
from alertadmin.registry.safe_names import clean
from mailer.coded_text import message_of
from mailer.email_address import canonical, is_same

MIN_INTERVAL = timedelta(days=3)
"""Minimum time between two requests to the same recipient, unless the mail was not sent."""
NOT_SENT = (DeliveryState.FAILED, DeliveryState.CANCELLED)


class AlreadyRequested(Exception):
    """A mail to the same address is younger than MIN_INTERVAL."""


class NothingToRequest(Exception):
    """Every required permission is granted."""


def missing(app: AppRegistration, tenant: Tenant) -> list[Consent]:
    """Required permissions that this version knows and that are not granted, as far as known."""
    consents = Consent.objects.filter(app=app, tenant=tenant, permission__in=Permission.values)
    consents = consents.exclude(status=ConsentStatus.GRANTED)
    return list(consents.select_related("app", "tenant").order_by("permission"))


def request_consent(app: AppRegistration, tenant: Tenant, recipient: str, *, by: User, now: datetime) -> ConsentRequest:
    """Write the request and its mail, and wake the worker. Raises AlreadyRequested, NothingToRequest, UnknownCloud,
    TooManyMails.

    The mail's key contains the number of earlier requests to the same address, so that of two parallel requests one
    violates the unique constraint.
    """
    lacking = missing(app, tenant)
    if not lacking:
        raise NothingToRequest
    _links(lacking)
    before = ConsentRequest.objects.filter(app=app, tenant=tenant).select_related("delivery")
    earlier = [one for one in before.defer("delivery__text", "delivery__html") if is_same(one.recipient, recipient)]
    last = earlier[0] if earlier else None
    if last is not None and now - last.at < MIN_INTERVAL and not (last.delivery and last.delivery.state in NOT_SENT):
        raise AlreadyRequested
    try:
        with transaction.atomic():
            mail_limits.count_mail(by, tenant.pk, recipient, now)
            delivery = Delivery.objects.create(
                purpose=Purpose.CONSENT,
                dedupe_key=f"consent:{app.pk}:{tenant.pk}:{canonical(recipient)}:{len(earlier)}",
                recipient=recipient,
                created_at=now,
                not_before=now,
                urgency=now,
            )
            asked = ConsentRequest.objects.create(
                app=app,
                tenant=tenant,
                permissions=[consent.permission for consent in lacking],
                recipient=recipient,
                delivery=delivery,
                by=by,
                by_name=f"{by.name} ({by.email})" if by.name else by.email,
                at=now,
            )
            audit.record(
                AuditAction.CONSENT_REQUESTED, app, tenant=tenant, by=by, recipient=recipient, entry=asked.pk, now=now
            )
    except IntegrityError:
        raise AlreadyRequested from None
    wakeup.notify_worker()
    return asked


def compose(delivery: Delivery, now: datetime) -> Content | Obsolete:
    """In the language of the recipient's account, if there is one, else of the tenant. Permissions granted meanwhile
    are omitted."""
    asked = ConsentRequest.objects.filter(delivery=delivery).select_related("app", "tenant").first()
    lacking = asked.missing() if asked else []
    if asked is None or not lacking:
        return Obsolete(messages.CONSENT_GRANTED)
    try:
        links = _links(lacking)
    except UnknownCloud as error:
        return Obsolete(message_of(error))
    language = language_of(delivery.recipient, asked.tenant)
    app, tenant = clean(asked.app.name), clean(asked.tenant.name)
    with translation.override(language):
        context = {
            "subject": _("Please grant “%(app)s” its permissions in %(tenant)s") % {"app": app, "tenant": tenant},
            "request": asked,
            "by": clean(asked.by_name.rpartition(" (")[0] or asked.by_name.partition("@")[0]),
            "app": app,
            "tenant": tenant,
            "missing": [consent.permission for consent in lacking],
            "links": links,
        }
        html = css_inline.inline(render_to_string("consents/request.html", context), load_remote_stylesheets=False)
        text = render_to_string("consents/request.txt", context)
        return Content(str(context["subject"]), text, html, language=language or settings.LANGUAGE_CODE)


def owner(delivery: Delivery) -> UUID | None:
    """The tenant whose administrator is asked."""
    return ConsentRequest.objects.filter(delivery=delivery).values_list("tenant", flat=True).first()


def _links(lacking: list[Consent]) -> list[str]:
    """One link for each resource, as Microsoft's page requires; without a state, so that anyone may open them."""
    return list({consent.resource: consent_link(consent) for consent in lacking}.values())
