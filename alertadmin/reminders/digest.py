"""The words of a reminder: all that one recipient is told in one mail, the most urgent first.

Made when the mail is about to leave, so that what was renewed, deleted or superseded meanwhile is not in it. In the
language that the recipient chose here, else in that of the tenant whose secret ends first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import css_inline
from django.conf import settings
from django.db.models import Exists, F, OuterRef
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alertadmin.accounts.models import User
from alertadmin.outbox.content import Content, NoLongerOwed
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import Credential, CredentialState
from alertadmin.reminders import audience, sentences
from alertadmin.reminders.models import Notice, Reminder

MOST_LINES = 500
"""More would be no mail to read; the rest is counted, and is on the page that the mail links to."""
LONGEST_SUBJECT = 160


@dataclass(frozen=True)
class Line:
    """One credential, as the mail shows it."""

    tenant: str
    app: str
    description: str
    ends: str
    """The end in the tenant's own time."""
    left: str
    """How long there is, in words."""
    is_expired: bool
    is_next: bool
    renew_url: str


def compose(delivery: Delivery, now: datetime) -> Content | NoLongerOwed:
    credentials = _still_owed(delivery)
    if not credentials:
        return NoLongerOwed(sentences.NOTHING_LEFT)
    with translation.override(_language(delivery.recipient, credentials[0])):
        return _worded(credentials, now)


def _language(recipient: str, most_urgent: Credential) -> str:
    chosen = User.objects.filter(email__iexact=recipient).exclude(language="").values_list("language", flat=True)
    return chosen.first() or most_urgent.app.tenant.mail_language


def _worded(credentials: list[Credential], now: datetime) -> Content:
    """The mail in the language that is active."""
    lines = [_line(credential, now) for credential in credentials[:MOST_LINES]]
    subject = _subject(credentials, now)
    context = {
        "subject": subject,
        "lines": lines,
        "more": len(credentials) - len(lines),
        "expired": sum(credential.is_expired(now) for credential in credentials),
        "all_url": settings.PUBLIC_URL + reverse("credentials"),
    }
    html = render_to_string("reminders/digest.html", context)
    return Content(
        subject,
        render_to_string("reminders/digest.txt", context),
        css_inline.inline(html, load_remote_stylesheets=False),
    )


def _still_owed(delivery: Delivery) -> list[Credential]:
    """In use or waiting to be, with the end that the reminder was written for, not told of more nearly since, and still
    this recipient's business.

    Notices of all else are taken back.
    """
    nearer = Notice.objects.filter(
        delivery__recipient=delivery.recipient,
        reminder__credential=OuterRef("reminder__credential"),
        reminder__expires_at=OuterRef("reminder__expires_at"),
        reminder__threshold__lt=OuterRef("reminder__threshold"),
    )
    notices = (
        Notice.objects.filter(delivery=delivery, reminder__expires_at=F("reminder__credential__expires_at"))
        .exclude(reminder__credential__state=CredentialState.RETIRED)
        .filter(~Exists(nearer))
        .filter(reminder__credential__app__tenant__in=audience.tenants_of(delivery.recipient))
        .select_related("reminder__credential__app__tenant")
        .defer("reminder__credential__value")
        .order_by("reminder__expires_at", "reminder__credential_id")
    )
    owed = list(notices)
    _take_back(delivery, {notice.reminder_id for notice in owed})
    return [notice.reminder.credential for notice in owed]


def _take_back(delivery: Delivery, told: set[int]) -> None:
    """What this mail will not tell. A reminder that no mail tells any more was never told: the next scan owes it anew,
    to whom it concerns by then."""
    untold = set(Notice.objects.filter(delivery=delivery).values_list("reminder_id", flat=True)) - told
    if untold:
        Notice.objects.filter(delivery=delivery, reminder__in=untold).delete()
        Reminder.objects.filter(pk__in=untold, notices=None).delete()


def _line(credential: Credential, now: datetime) -> Line:
    tenant = credential.app.tenant
    end = date_format(credential.expires_at.astimezone(tenant.zone), pgettext("date format", "Y-m-d H:i"))
    return Line(
        tenant=tenant.name,
        app=credential.app.name,
        description=str(credential),
        ends=f"{end} ({tenant.time_zone})",
        left=time_left(credential.expires_at, now),
        is_expired=credential.is_expired(now),
        is_next=credential.state == CredentialState.NEXT,
        renew_url=settings.PUBLIC_URL + reverse("credential", args=[credential.pk]),
    )


def time_left(expires_at: datetime, now: datetime) -> str:
    """ "ends in 3 days", "ends today", "expired 12 days ago": whole days, rounded towards now."""
    days = abs(expires_at - now) // timedelta(days=1)
    if expires_at > now:
        return (
            ngettext("ends in %(days)d day", "ends in %(days)d days", days) % {"days": days}
            if days
            else _("ends within 24 hours")
        )
    return (
        ngettext("expired %(days)d day ago", "expired %(days)d days ago", days) % {"days": days}
        if days
        else _("expired within the last 24 hours")
    )


def _subject(credentials: list[Credential], now: datetime) -> str:
    """The most urgent one by name; how many more there are."""
    first = credentials[0]
    subject = _("%(app)s of %(tenant)s: %(what)s %(left)s") % {
        "app": first.app.name,
        "tenant": first.app.tenant.name,
        "what": first.get_kind_display().lower(),
        "left": time_left(first.expires_at, now),
    }
    subject = " ".join(subject.split())
    if len(subject) > LONGEST_SUBJECT:
        subject = subject[: LONGEST_SUBJECT - 1] + "…"
    if more := len(credentials) - 1:
        subject += ngettext(" (and %(more)d more)", " (and %(more)d more)", more) % {"more": more}
    return subject
