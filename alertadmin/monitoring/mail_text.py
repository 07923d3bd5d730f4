"""The text of a mail about alertadmin itself, composed when it is sent, in its recipient's language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.audit.hash_chain import Head
from alertadmin.monitoring import health_report, messages
from alertadmin.monitoring.health_messages import describe
from alertadmin.monitoring.models import SystemMail, SystemMailKind
from alertadmin.monitoring.monthly_summary import MonthlySummary, summarize_month
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.mails.recipient_language import language_of_user
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import Tenant
from alertadmin.registry.safe_names import clean, quoted
from alertadmin.reminders.restore import review
from mailer.email_address import canonical

MAX_LINES = 50
"""Maximum number of lines in one mail."""
MAX_TENANTS = 5
MAILBOX = "registry.mailbox"
"""`AuditEntry.kind` of an entry about a mailbox, whose label is its address."""


@dataclass(frozen=True)
class MailText:
    subject: str
    lead: str
    alarms: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    act: str = ""
    url: str = ""


def compose(delivery: Delivery, now: datetime) -> Content | Obsolete:
    system_mails = list(SystemMail.objects.filter(delivery=delivery).order_by("pk"))
    if not system_mails:
        return Obsolete(messages.NOTHING_TO_SAY)
    user = User.objects.by_address(delivery.recipient)
    language = language_of_user(user)
    with translation.override(language), timezone.override(user.zone if user else "UTC"):
        if system_mails[0].kind == SystemMailKind.MONTHLY:
            wrong = [problem.text for problem in describe(health_report.check(now).problems)]
            words = monthly(summarize_month(now), wrong, audit.head())
        elif system_mails[0].kind == SystemMailKind.PUT_BACK:
            found, count = review.last_restore(), review.awaiting_review(now).count()
            if found is None or not count:
                return Obsolete(messages.NOTHING_TO_SAY)
            words = database_restored(found, count)
        elif system_mails[0].kind == SystemMailKind.ROUTE:
            entries = audit.AuditEntry.objects.filter(number__in=[int(one.about) for one in system_mails])
            if not entries:
                return Obsolete(messages.NOTHING_TO_SAY)
            words = routes_changed(list(entries.order_by("number")))
        else:
            words = unreachable([system_mail.about for system_mail in system_mails])
        return _content(words, language)


def routes_changed(entries: list[audit.AuditEntry]) -> MailText:
    """For owners: links to new passwords are sent by the changed route."""
    lines = [_changed(entry) for entry in entries[:MAX_LINES]]
    if more := len(entries) - len(lines):
        lines.append(ngettext("And %(more)d more.", "And %(more)d more.", more) % {"more": more})
    warning = _(
        "This installation uses it, or its rules, to send mail that concerns all tenants. Anyone who reads "
        "that mail can read password links. If you do not expect this, check it at once."
    )
    return MailText(
        _("alertadmin: sending settings of this installation were changed"),
        f"{lines[0]} {warning}" if len(lines) == 1 else warning,
        lines if len(lines) > 1 else [],
        [],
        _("See the audit trail"),
        _url("audit"),
    )


def _changed(entry: audit.AuditEntry) -> str:
    said = {
        "who": entry.who,
        "what": entry.label if entry.kind == MAILBOX else clean(entry.label),
        "when": _format_time(entry.at),
    }
    return _("%(who)s changed “%(what)s” on %(when)s.") % said


def monthly(found: MonthlySummary, wrong: list[str], record: Head) -> MailText:
    """Includes the last audit entry: a mail that was sent cannot be rewritten along with the audit trail."""
    alarms = wrong + _alarms(found)
    watched = ngettext("%(count)d secret monitored", "%(count)d secrets monitored", found.watched) % {
        "count": found.watched
    }
    if alarms:
        count = ngettext("%(count)d problem", "%(count)d problems", len(alarms)) % {"count": len(alarms)}
        subject = _("alertadmin: %(count)s to solve") % {"count": count}
        lead = _(
            "alertadmin is running and sends this mail once a month, so that no mail always means a "
            "problem. There are problems:"
        )
    else:
        end = (
            _("next expiry date %(day)s") % {"day": _day(found.next.expires_at)}
            if found.next
            else _("no expiry date ahead")
        )
        subject = _("alertadmin: all OK, %(watched)s, %(end)s") % {"watched": watched, "end": end}
        lead = _(
            "alertadmin is running and sends this mail once a month, so that no mail always means a "
            "problem. Everything is OK."
        )
    return MailText(subject, lead, alarms, _facts(found) + _record(record), _("Show the status"), _url("watching"))


def _alarms(found: MonthlySummary) -> list[str]:
    lines = []
    if found.expired:
        text = ngettext(
            "%(count)d secret in use has expired: mail through it is stopped.",
            "%(count)d secrets in use have expired: mail through them is stopped.",
            found.expired,
        )
        lines.append(text % {"count": found.expired})
    if found.lost:
        text = ngettext(
            "%(count)d reminder of the last month may not have been delivered.",
            "%(count)d reminders of the last month may not have been delivered.",
            found.lost,
        )
        lines.append(text % {"count": found.lost})
    if found.without_recipients:
        text = ngettext(
            "%(count)d secret expires soon and has no recipient.",
            "%(count)d secrets expire soon and have no recipient.",
            found.without_recipients,
        )
        lines.append(text % {"count": found.without_recipients})
    return lines


def _facts(found: MonthlySummary) -> list[str]:
    facts = [
        ngettext(
            "%(count)d secret or certificate is monitored.",
            "%(count)d secrets and certificates are monitored.",
            found.watched,
        )
        % {"count": found.watched}
    ]
    if found.next:
        facts.append(
            _("The next expiry date is %(day)s: %(tenant)s / %(app)s / %(what)s.")
            % {
                "day": _day(found.next.expires_at),
                "tenant": quoted(found.next.app.tenant.name),
                "app": quoted(found.next.app.name),
                "what": quoted(str(found.next)),
            }
        )
    if not found.people:
        return [*facts, _("No notification was due in the last month.")]
    notified = ngettext("%(count)d recipient was notified", "%(count)d recipients were notified", found.people) % {
        "count": found.people
    }
    mails = ngettext("by %(count)d message", "by %(count)d messages", found.mails) % {"count": found.mails}
    facts.append(_("In the last month %(told)s %(mails)s.") % {"told": notified, "mails": mails})
    if not found.lost:
        facts.append(_("Every message was sent."))
    return facts


def _record(head: Head) -> list[str]:
    if not head.number:
        return []
    said = _("The last audit entry is %(head)s: verify_audit --expect shows later whether it still exists.")
    return [said % {"head": head}]


def unreachable(addresses: list[str]) -> MailText:
    subject = (
        _("%(email)s cannot be notified: correct the address") % {"email": addresses[0]}
        if len(addresses) == 1
        else _("%(count)d recipients cannot be notified: correct their addresses") % {"count": len(addresses)}
    )
    lead = _(
        "A mail server rejects this address as unknown, and trying again will not help. Its owner was not notified. "
        "Correct the address where it is entered, or remove it:"
    )
    alarms = [_named(address) for address in addresses[:MAX_LINES]]
    if more := len(addresses) - len(alarms):
        alarms.append(ngettext("And %(more)d more.", "And %(more)d more.", more) % {"more": more})
    wrong = f"{_url('deliveries')}?state=failed&purpose=reminder"
    return MailText(subject, lead, alarms, [], _("What was not delivered"), wrong)


def database_restored(found: review.RestoredState, count: int) -> MailText:
    subject = ngettext(
        "The database was restored from a backup: %(count)d mail needs your decision",
        "The database was restored from a backup: %(count)d mails need your decision",
        count,
    ) % {"count": count}
    lead = _(
        "The database was restored from a backup of %(copy)s. It has no record of the mails sent since, and "
        "would send them again. Reminders of secrets that have expired or expire within a week are sent at "
        "once. The rest is withheld:"
    ) % {"copy": _format_time(found.copy_of)}
    alarm = ngettext(
        "%(count)d mail is sent automatically on %(until)s, unless you mark it as already sent or send it now.",
        "%(count)d mails are sent automatically on %(until)s, unless you mark them as already sent or send them now.",
        count,
    )
    return MailText(
        subject, lead, [alarm % {"count": count, "until": _format_time(found.until)}], [], _("Decide"), _url("review")
    )


def _named(address: str) -> str:
    """The address, with the tenants that have it as a contact."""
    found = Tenant.objects.filter(contacts__email_canonical=canonical(address))
    tenants = list(found.values_list("name", flat=True)[:MAX_TENANTS])
    return f"{address} ({', '.join(map(quoted, tenants))})" if tenants else address


def _url(name: str) -> str:
    return settings.PUBLIC_URL + reverse(name)


def _day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), _("j M Y"))


def _format_time(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{_day(moment)}, {date_format(local, 'H:i')} {local.tzname()}"


def _content(words: MailText, language: str) -> Content:
    context = asdict(words)
    html = css_inline.inline(render_to_string("monitoring/system_mail.html", context), load_remote_stylesheets=False)
    brief = "\n".join(_sentences(words))
    return Content(
        words.subject, render_to_string("monitoring/system_mail.txt", context), html, brief, language=language
    )


def _sentences(words: MailText) -> Iterable[str]:
    yield words.lead
    yield from words.alarms
    yield words.url
