"""One reminder as a line of a mail: for each kind the subject, the time left, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alertadmin.registry.models import Credential, CredentialState
from alertadmin.registry.safe_names import clean, quoted
from alertadmin.reminders.models import Reminder, ReminderKind
from alertadmin.stored_values import read_each

BRIEF_MAX_LINES = 10
BRIEF_MAX_BYTES = 3000
"""Bytes, except for the first line, which is always included."""


@dataclass(frozen=True)
class ComposedLine:
    """In the language that was active when it was made."""

    tenant: str
    app: str
    what: str
    """The secret's description, the mailbox's address, or the permission."""
    named: str
    """A short form for the mail's subject, such as "client secret"."""
    ends: str
    """The expiry in the tenant's time zone; for a consent, when its loss was noticed."""
    left: str
    """The time left, in words."""
    is_expired: bool
    """Mail can no longer be sent with it."""
    note: str
    act: str
    url: str

    @property
    def label(self) -> str:
        return f"{self.tenant} / {self.app} / {self.what}"


def detail(reminder: Reminder, one: ComposedLine) -> dict[str, Any]:
    """The line for programs (docs/webhooks.md), with ids and an expiry. Takes the line as made by `line`."""
    return {
        "kind": reminder.kind,
        "tenant": clean(one.tenant),
        "directory_id": reminder.tenant.directory_id,
        "app": clean(one.app),
        "client_id": reminder.app.client_id if reminder.app else None,
        "what": clean(one.what) if reminder.kind == ReminderKind.CREDENTIAL else one.what,
        "at": reminder.expires_at.astimezone(UTC).isoformat(timespec="seconds"),
        "threshold": reminder.threshold,
        "is_over": one.is_expired,
        "says": one.left,
        "url": one.url,
    }


def for_mail(reminder: Reminder, one: ComposedLine) -> ComposedLine:
    """The line as sent: user-supplied names are quoted and made unclickable; a mailbox's address and the name of a
    permission remain unchanged."""
    what = quoted(one.what) if reminder.kind == ReminderKind.CREDENTIAL else one.what
    return replace(one, tenant=quoted(one.tenant), app=quoted(one.app), what=what)


def lines(reminders: Sequence[Reminder], now: datetime) -> list[ComposedLine]:
    """A line for each. One that cannot be worded is named, and says so: the mail has the others as without it."""
    read = read_each(reminders, lambda reminder: line(reminder, now), "the line of reminder")
    return [found or _unreadable(reminder, now) for reminder, found in read]


def _unreadable(reminder: Reminder, now: datetime) -> ComposedLine:
    page = "mailbox" if reminder.mailbox_id else "credential" if reminder.credential_id else "app"
    key = reminder.mailbox_id or reminder.credential_id or reminder.app_id
    return ComposedLine(
        tenant=reminder.tenant.name,
        app=reminder.app.name if reminder.app else "",
        what=str(reminder.get_kind_display()),
        named=str(reminder.get_kind_display()),
        ends="",
        left=_("cannot be described"),
        is_expired=reminder.expires_at <= now,
        note=_("Something stored about it cannot be read by this version."),
        act=_("Open its page and correct it."),
        url=settings.PUBLIC_URL + reverse(page, args=[key]),
    )


def line(reminder: Reminder, now: datetime) -> ComposedLine:
    wordings = {
        ReminderKind.CREDENTIAL: _credential,
        ReminderKind.EWS: _ews,
        ReminderKind.CONSENT: _consent,
        ReminderKind.SIGN_IN: _sign_in,
    }
    return wordings[ReminderKind(reminder.kind)](reminder, now)


def _credential(reminder: Reminder, now: datetime) -> ComposedLine:
    credential = reminder.credential
    assert credential is not None  # noqa: S101 (the table's constraint)
    return ComposedLine(
        tenant=reminder.tenant.name,
        app=credential.app.name,
        what=str(credential),
        named=str(credential.get_kind_display()).lower(),
        ends=_format_time(reminder, credential.expires_at),
        left=time_left(credential.expires_at, now),
        is_expired=credential.is_expired(now),
        note=_note(credential),
        act=_("Renew"),
        url=settings.PUBLIC_URL + reverse("credential", args=[credential.pk]),
    )


def _note(credential: Credential) -> str:
    if credential.state == CredentialState.NEXT:
        return _("waiting to replace the one in use")
    return _("monitored only") if credential.state == CredentialState.OTHER else ""


def _ews(reminder: Reminder, now: datetime) -> ComposedLine:
    mailbox = reminder.mailbox
    assert mailbox is not None  # noqa: S101 (the table's constraint)
    return ComposedLine(
        tenant=reminder.tenant.name,
        app=mailbox.through,
        what=mailbox.address,
        named=_("EWS of %(address)s") % {"address": mailbox.address},
        ends=_format_time(reminder, reminder.expires_at),
        left=time_left(reminder.expires_at, now),
        is_expired=reminder.expires_at <= now,
        note=_("it still sends by EWS, which Exchange Online switches off permanently"),
        act=_("Move it to Microsoft Graph"),
        url=settings.PUBLIC_URL + reverse("mailbox", args=[mailbox.pk]),
    )


def _sign_in(reminder: Reminder, now: datetime) -> ComposedLine:
    mailbox = reminder.mailbox
    assert mailbox is not None  # noqa: S101 (the table's constraint)
    return ComposedLine(
        tenant=reminder.tenant.name,
        app=mailbox.through,
        what=mailbox.address,
        named=_("sign-in of %(address)s") % {"address": mailbox.address},
        ends=_format_time(reminder, reminder.expires_at),
        left=time_left(reminder.expires_at, now),
        is_expired=reminder.expires_at <= now,
        note=_("personal account: nothing can be sent for it until it signs in"),
        act=_("Sign in again"),
        url=settings.PUBLIC_URL + reverse("mailbox", args=[mailbox.pk]),
    )


def _consent(reminder: Reminder, now: datetime) -> ComposedLine:
    change = reminder.consent_change
    assert change is not None  # noqa: S101 (the table's constraint)
    return ComposedLine(
        tenant=reminder.tenant.name,
        app=change.app.name,
        what=change.permission,
        named=change.permission,
        ends=_format_time(reminder, change.at),
        left=_("consent was withdrawn"),
        is_expired=True,
        note=_("an administrator had granted it; it is no longer in the token"),
        act=_("See consent"),
        url=f"{settings.PUBLIC_URL}{reverse('app', args=[change.app_id])}#consent",
    )


def _format_time(reminder: Reminder, moment: datetime) -> str:
    local = date_format(moment.astimezone(reminder.tenant.zone), pgettext("date format", "j M Y, H:i"))
    return f"{local} ({reminder.tenant.zone.key})"


def time_left(expires_at: datetime, now: datetime) -> str:
    """ "ends in 3 days", "ends within 24 hours", "expired 12 days ago": whole days, rounded towards now."""
    days = abs(expires_at - now) // timedelta(days=1)
    if expires_at > now:
        return (
            ngettext("expires in %(days)d day", "expires in %(days)d days", days) % {"days": days}
            if days
            else _("expires within 24 hours")
        )
    return (
        ngettext("expired %(days)d day ago", "expired %(days)d days ago", days) % {"days": days}
        if days
        else _("expired within the last 24 hours")
    )


def brief(lines: Sequence[ComposedLine], count: int, expired: int, all_url: str) -> str:
    """The text for a channel: the most urgent lines with a link each, and the number of further ones.

    Short, because services truncate or refuse long messages: ntfy turns more than 4,096 bytes into a file. `count` is
    the number of reminders, `expired` how many of them have expired; in the active language.
    """
    bullets = [_bullet(one) for one in lines[:BRIEF_MAX_LINES]]
    while len(bullets) > 1 and len("\n".join(bullets).encode()) > BRIEF_MAX_BYTES:
        bullets.pop()
    parts = ["\n".join(bullets)]
    if expired:
        parts.insert(0, _expired_note(expired))
    if more := count - len(bullets):
        text = ngettext("And %(more)d more: %(url)s", "And %(more)d more: %(url)s", more)
        parts.append(text % {"more": more, "url": all_url})
    return "\n\n".join(parts)


def _bullet(one: ComposedLine) -> str:
    """A bullet with the link on its own line, so that every service recognises it."""
    what = _("%(place)s: %(left)s (%(ends)s)") % {"place": one.label, "left": one.left, "ends": one.ends}
    return f"• {what}\n  {one.url}"


def _expired_note(expired: int) -> str:
    text = ngettext(
        "%(expired)d of these is no longer valid: mail through it is stopped.",
        "%(expired)d of these are no longer valid: mail through them is stopped.",
        expired,
    )
    return text % {"expired": expired}
