"""The mail to a user about changes to their own account: password, factor, session, calendar, role.

It is triggered by the audit trail: entries about an account are mailed to its user in the same transaction, wherever
the change is made. Its text repeats the entry, so it can be composed when the row itself is deleted. It contains no
link that grants access and does not say who acted: the audit trail names other users, to readers with the right.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction, AuditEntry, Result
from alertadmin.outbox import messages
from alertadmin.outbox.mails import entry_mails
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.mails.recipient_language import format_time, language_of_user
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import Mailbox

PREFIX = "account:"
MAX_AGE = timedelta(days=7)
"""After this time the mail is dropped: the audit trail has it."""

WORDS: dict[str, Any] = {
    AuditAction.PASSWORD_LINK_MADE: gettext_lazy(
        "A link to set a new password for your account was created on the console."
    ),
    AuditAction.PASSWORD_CHANGED: gettext_lazy("Your password was changed."),
    AuditAction.FACTOR_ADDED: gettext_lazy("An MFA method or new recovery codes were added to your account."),
    AuditAction.FACTOR_REMOVED: gettext_lazy("An MFA method was removed from your account."),
    AuditAction.SESSION_NEW_BROWSER: gettext_lazy("A new browser signed in to your account."),
    AuditAction.SESSION_REVOKED: gettext_lazy("Sessions of your account were signed out."),
    AuditAction.CALENDAR_CREATED: gettext_lazy("A calendar address was created for your account."),
    AuditAction.CALENDAR_RENEWED: gettext_lazy("A calendar address of your account was renewed."),
    AuditAction.CALENDAR_REVOKED: gettext_lazy("A calendar address of your account was revoked."),
    AuditAction.PERSON_ROLE_CHANGED: gettext_lazy("Your role was changed."),
    AuditAction.PERSON_ACCEPTED: gettext_lazy("An invitation to you was accepted: your account now has its roles."),
    AuditAction.PERSON_CHANGED: gettext_lazy("The e-mail address of your account was changed."),
    AuditAction.PERSON_LINKED: gettext_lazy("A sign-in provider was connected to your account."),
    AuditAction.PERSON_UNLINKED: gettext_lazy("A sign-in provider was disconnected from your account."),
    AuditAction.PERSON_DEACTIVATED: gettext_lazy("Your account was locked."),
    AuditAction.PERSON_ACTIVATED: gettext_lazy("Your account was unlocked."),
    AuditAction.PERSON_DELETED: gettext_lazy("Your account was deleted."),
    AuditAction.MAILBOX_SIGNED_IN: gettext_lazy(
        "Your Microsoft account was signed in to send mail for this installation."
    ),
}
"""By audit action. Every other action of `account_acts` is in NOT_MAILED, with its reason."""
NOT_MAILED = {
    AuditAction.PASSWORD_RESET_ASKED: "the mail with the link tells of it",
    AuditAction.SESSION_SIGNED_IN: "a new browser is told of by an act of its own",
    AuditAction.SESSION_SIGNED_OUT: "it takes a way in away, by the person",
    AuditAction.SESSION_REAUTHENTICATED: "only what is done then changes anything",
    AuditAction.PERSON_CREATED: "the invitation was mailed",
    AuditAction.PERSON_INVITED: "it is a mail",
    AuditAction.PERSON_PROVEN: "the person opened a link that was mailed there",
    AuditAction.PERSON_ROLE_PENDING: "the mail with the link tells of it",
    AuditAction.PERSON_ROLE_WITHDRAWN: "nothing is taken that the person had",
}


def notify_account(sender: object, entry: AuditEntry, on: object, **_signal: Any) -> None:
    """Write the mails in the transaction of the change, and wake the worker after the commit."""
    if entry.act not in WORDS or entry.result != Result.DONE or _is_covered_by_another_mail(entry):
        return
    addresses = [(str(number), address) for number, address in enumerate(_addresses(entry, on))]
    if addresses:
        entry_mails.write(Purpose.ACCOUNT, PREFIX, entry, addresses)


def _is_covered_by_another_mail(entry: AuditEntry) -> bool:
    """Whether another mail covers it: a role from an invitation is listed in the mail about its acceptance."""
    return entry.act == AuditAction.PERSON_ROLE_CHANGED and "entry" in entry.named_details


def _addresses(entry: AuditEntry, on: object) -> list[str]:
    """The stored address of the user that the entry is about; if it changed, the old one too."""
    if entry.act == AuditAction.MAILBOX_SIGNED_IN:
        return [on.address] if isinstance(on, Mailbox) else []
    if entry.act == AuditAction.PERSON_DELETED:
        return [str(entry.named_details["recipient"])] if "recipient" in entry.named_details else []
    if entry.act == AuditAction.PERSON_CHANGED:
        changed = entry.named_details.get("changes", {}).get("email")
        return [str(one) for one in changed] if isinstance(changed, list) else []
    person = _person(entry, on)
    return [person.email] if person else []


def _person(entry: AuditEntry, on: object) -> User | None:
    if isinstance(on, User):
        return on
    whose = on.user_id if isinstance(on, Authenticator) else getattr(on, "owner_id", None) or entry.person_id
    return User.objects.filter(pk=whose).first() if whose else None


def compose(delivery: Delivery, now: datetime) -> Content | Obsolete:
    entries = [one for one in entry_mails.entries(delivery, PREFIX) if one.act in WORDS]
    if not entries:
        return Obsolete(messages.NO_RECIPIENT)
    if now - delivery.created_at > MAX_AGE:
        return Obsolete(messages.OUTDATED)
    user = User.objects.by_address(delivery.recipient)
    language = language_of_user(user)
    zone = user.zone if user else timezone.get_default_timezone()
    with translation.override(language), timezone.override(zone):
        lines = [_("Account: %(address)s") % {"address": delivery.recipient}]
        for entry in entries[: entry_mails.MAX_LINES]:
            lines += ["", *_entry_lines(entry, user)]
        if (more := len(entries) - entry_mails.MAX_LINES) > 0:
            lines += ["", ngettext("And %(more)d more.", "And %(more)d more.", more) % {"more": more}]
        lines += ["", *dict.fromkeys(map(_advice, entries))]
        return Content(str(_("Your account at alertadmin")), "\n".join(lines), language=language)


def _entry_lines(entry: AuditEntry, user: User | None) -> list[str]:
    when = format_time(entry.at)
    lines = [str(WORDS[entry.act]), _("When: %(when)s") % {"when": when}]
    if user and entry.person_id == user.pk and entry.address:
        lines.append(_("From the network address: %(address)s") % {"address": entry.address})
    if entry.act == AuditAction.MAILBOX_SIGNED_IN:
        lines.append(_("It can now send in your name: %(installation)s") % {"installation": settings.PUBLIC_URL})
    return lines


def _advice(entry: AuditEntry) -> str:
    if entry.act == AuditAction.MAILBOX_SIGNED_IN:
        return _(
            "If you did not enter a code for this yourself, remove the access at "
            "https://account.live.com/consent/Manage and inform an administrator of alertadmin."
        )
    return _(
        "If you expected this, you do not need to do anything. If not, sign in, sign out all other sessions, "
        "change your password and inform an administrator: %(page)s"
    ) % {"page": settings.PUBLIC_URL + reverse("security")}
