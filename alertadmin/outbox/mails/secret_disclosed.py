"""The mail about a disclosed secret, to the owners of the installation and to the tenant's owners and administrators.
It repeats the audit entry, so it can be composed when the secret is deleted; it never contains the value."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import css_inline
from django.conf import settings
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.audit import AuditEntry
from alertadmin.outbox import messages
from alertadmin.outbox.mails import entry_mails
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.mails.recipient_language import language_of_user
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import Tenant
from alertadmin.registry.safe_names import clean, quoted

PREFIX = "handover:"
MAX_REASON = 200


def notify_administrators(*, entry: AuditEntry, **_signal: Any) -> None:
    """Write the mails in the transaction of the disclosure, and wake the worker after the commit."""
    entry_mails.write(
        Purpose.HANDOVER, PREFIX, entry, [(str(person.pk), person.email) for person in recipients_of(entry)]
    )


def recipients_of(entry: AuditEntry) -> list[User]:
    everywhere = Q(tenant=None, role=Role.OWNER)
    there = Q(tenant=entry.tenant, role__in=[Role.OWNER, Role.ADMINISTRATOR])
    memberships = Membership.objects.in_force(entry.at).filter(everywhere | there if entry.tenant else everywhere)
    return list(User.objects.filter(is_active=True, pk__in=memberships.order_by().values("user")).order_by("pk"))


def compose(delivery: Delivery, now: datetime) -> Content | Obsolete:
    entries = entry_mails.entries(delivery, PREFIX)
    user = User.objects.by_address(delivery.recipient)
    if not entries or user is None:
        return Obsolete(messages.NO_RECIPIENT)
    language = language_of_user(user)
    with translation.override(language), timezone.override(user.zone):
        tenants = Tenant.objects.in_bulk({one.tenant for one in entries if one.tenant})
        shown = [_disclosure_line(entry, tenants) for entry in entries[: entry_mails.MAX_LINES]]
        context = {
            "subject": _subject(shown, len(entries)),
            "shown": shown,
            "more": len(entries) - len(shown),
            "zone": user.time_zone,
            "address": settings.PUBLIC_URL + (shown[0]["path"] if len(entries) == 1 else reverse("audit")),
        }
        html = css_inline.inline(render_to_string("settings_sheet/mail.html", context), load_remote_stylesheets=False)
        text = render_to_string("settings_sheet/mail.txt", context)
        return Content(str(context["subject"]), text, html, language=language)


def _subject(shown: list[dict[str, Any]], count: int) -> str:
    if count == 1:
        names = {"secret": quoted(shown[0]["secret"]), "app": quoted(shown[0]["app"])}
        return _("A secret was shown: %(secret)s of %(app)s") % names
    return ngettext("%(count)d secret was shown", "%(count)d secrets were shown", count) % {"count": count}


def _disclosure_line(entry: AuditEntry, tenants: dict[UUID, Tenant]) -> dict[str, Any]:
    """The entry's facts; user-supplied text is made unclickable. A user's address is that of their account."""
    tenant, details = tenants.get(entry.tenant) if entry.tenant else None, entry.named_details
    return {
        "is_link": entry.act == audit.AuditAction.SECRET_LINK_OPENED,
        "who": entry.who,
        "by": clean(str(details.get("actor", ""))),
        "secret": clean(entry.label),
        "app": clean(str(details.get("app", ""))),
        "tenant": clean(tenant.name) if tenant else "",
        "recipient": clean(str(details.get("recipient", ""))),
        "reason": clean(str(details.get("reason", "")), MAX_REASON),
        "at": entry.at,
        "address": entry.address,
        "path": tenant.get_absolute_url() if tenant else "/",
    }
