"""A workbook for people who do not sign in: what expires, what lacks consent, what fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts.access import Access, access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction
from alertadmin.dashboard.export.writers import FORMATS, ExportSheet, Row, workbook_pieces
from alertadmin.outbox.delivery import route_health
from alertadmin.outbox.models import Attempt
from alertadmin.registry.models import AppRegistration, Consent, ConsentStatus, Credential, Mailbox, Tenant
from alertadmin.registry.models.mailbox import by_exchange_online_ews
from mailer.diagnosis import explain

CHUNK = 500


@require_right(Right.LOOK)
def report(request: HttpRequest) -> HttpResponseBase:
    """POST with `format` downloads the workbook; it has what the user may see."""
    if request.POST.get("format") != "xlsx":
        return redirect("overview")
    access, now = access_of(request), timezone.now()
    with transaction.atomic():
        audit.record(AuditAction.EXPORT_DONE, kind="report", format="xlsx", now=now)
    answer: Any = StreamingHttpResponse(
        workbook_pieces(_sheets(access, now)), content_type=FORMATS["xlsx"].content_type
    )
    name = f"alertadmin-report-{timezone.localdate(now):%Y-%m-%d}.xlsx"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer  # type: ignore[no-any-return]


def _sheets(access: Access, now: datetime) -> Iterator[ExportSheet]:
    yield ExportSheet(_("Summary"), [_("Figure"), _("Number")], _summary(access, now))
    header = [_("Tenant"), _("App registration"), _("Secret"), _("Expires"), _("Days left"), _("Status"), _("Contacts")]
    yield ExportSheet(_("Secrets"), header, _credentials(access, now))
    header = [_("Tenant"), _("App registration"), _("Permission"), _("Consent"), _("Checked")]
    yield ExportSheet(_("Consent"), header, _consents(access))
    header = [_("Mailbox"), _("Tenant"), _("App registration")]
    yield ExportSheet(_("EWS"), header, _ews(access))
    header = [_("Mailbox"), _("Tenant"), _("Cause"), _("Last attempt")]
    yield ExportSheet(_("Failing mailboxes"), header, _failing(access, now))


def _summary(access: Access, now: datetime) -> Iterator[Row]:
    watched = access.visible(Credential.objects.watched())
    lacking = access.visible(Consent).exclude(status=ConsentStatus.GRANTED)
    yield [_("Tenants"), access.visible(Tenant).count()]
    yield [_("App registrations"), access.visible(AppRegistration).count()]
    yield [_("Monitored secrets"), watched.count()]
    yield [_("Expired secrets"), watched.filter(expires_at__lte=now).count()]
    yield [_("Permissions without consent"), lacking.count()]
    yield [_("Mailboxes that send by EWS"), access.visible(Mailbox).filter(by_exchange_online_ews()).count()]
    months = Counter(
        timezone.localtime(at).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        for at in watched.filter(expires_at__gt=now).values_list("expires_at", flat=True).iterator(chunk_size=CHUNK)
    )
    for month in sorted(months)[:24]:
        words = _("Secrets that expire in %(month)s") % {"month": date_format(month, "F Y")}
        yield [words, months[month]]


def _credentials(access: Access, now: datetime) -> Iterator[Row]:
    found = access.visible(Credential.objects.watched()).select_related("app__tenant").defer("value", "certificate")
    rows = found.prefetch_related("app__tenant__contacts").order_by("expires_at", "pk")
    for one in rows.iterator(chunk_size=CHUNK):
        tenant = one.app.tenant
        yield [
            tenant.name,
            one.app.name,
            str(one),
            one.expires_at,
            one.days_left(now),
            str(one.get_state_display()),
            ", ".join(contact.email for contact in tenant.contacts.all()),
        ]


def _consents(access: Access) -> Iterator[Row]:
    found = access.visible(Consent.objects.select_related("app", "tenant")).exclude(status=ConsentStatus.GRANTED)
    for one in found.order_by("tenant__name", "app__name", "permission").iterator(chunk_size=CHUNK):
        yield [one.tenant.name, one.app.name, one.permission, str(one.get_status_display()), one.checked_at]


def _ews(access: Access) -> Iterator[Row]:
    found = access.visible(Mailbox.objects.select_related("tenant", "app")).filter(by_exchange_online_ews())
    for one in found.defer("password", "refresh_token").order_by("tenant__name", "address").iterator(chunk_size=CHUNK):
        yield [one.address, one.tenant.name, one.through]


def _failing(access: Access, now: datetime) -> Iterator[Row]:
    rows = access.visible(Mailbox).select_related("tenant").defer("password", "refresh_token")
    found = list(route_health.failed_mailboxes(rows.order_by("address", "pk"), now))
    attempts = Attempt.objects.in_bulk([vars(mailbox)["last_attempt"] for mailbox in found])
    for mailbox in found:
        attempt = attempts[vars(mailbox)["last_attempt"]]
        yield [mailbox.address, mailbox.tenant.name, explain(attempt.cause, translate=_).title, attempt.started_at]
