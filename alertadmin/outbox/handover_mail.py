"""The mail that tells of a secret that was shown: each owner of the installation, and whoever owns or administers the
tenant. It says what the audit trail says, so it can still be worded when the secret is gone; never the value."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import css_inline
from django.conf import settings
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from alertadmin.accounts import audit
from alertadmin.accounts.audit import AuditEntry
from alertadmin.accounts.membership import Membership
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Role
from alertadmin.outbox import doorbell, sentences
from alertadmin.outbox.content import Content, NoLongerOwed
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import Tenant

PREFIX = "handover:"


def tell(*, entry: AuditEntry, **_signal: Any) -> None:
    """Writes the mails down, in the transaction of what they tell of, and rings."""
    Delivery.objects.bulk_create(
        Delivery(
            purpose=Purpose.HANDOVER,
            dedupe_key=f"{PREFIX}{entry.number}:{person.pk}",
            recipient=person.email,
            created_at=entry.at,
            not_before=entry.at,
            urgency=entry.at,
        )
        for person in told(entry)
    )
    doorbell.ring()


def told(entry: AuditEntry) -> list[User]:
    everywhere = Q(tenant=None, role=Role.OWNER)
    there = Q(tenant=entry.tenant, role__in=[Role.OWNER, Role.ADMINISTRATOR])
    held = Membership.objects.in_force(entry.at).filter(everywhere | there if entry.tenant else everywhere)
    return list(User.objects.filter(is_active=True, pk__in=held.order_by().values("user")).order_by("pk"))


def compose(delivery: Delivery, now: datetime) -> Content | NoLongerOwed:
    number = delivery.dedupe_key.removeprefix(PREFIX).partition(":")[0]
    entry = AuditEntry.objects.filter(number=number).first()
    user = User.objects.by_address(delivery.recipient)
    if entry is None or user is None:
        return NoLongerOwed(sentences.NOBODY_TO_TELL)
    tenant = Tenant.objects.filter(pk=entry.tenant).first() if entry.tenant else None
    language = user.language or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(user.zone):
        context = {
            "subject": _("A secret was shown: %(secret)s of %(app)s")
            % {"secret": entry.label, "app": entry.details.get("app", "")},
            "entry": entry,
            "details": entry.details,
            "tenant": tenant,
            "is_link": entry.act == audit.Act.SECRET_LINK_OPENED,
            "zone": user.time_zone,
            "address": settings.PUBLIC_URL + (tenant.get_absolute_url() if tenant else "/"),
        }
        html = css_inline.inline(render_to_string("sheets/mail.html", context), load_remote_stylesheets=False)
        text = render_to_string("sheets/mail.txt", context)
        return Content(str(context["subject"]), text, html, language=language)
