"""An expiry as a calendar event: its title, its description, and its identity.

The expiries are read with their effective schedules: two queries for any number of them. Those sent in a mail are
recorded before it is sent, and count only if it was: if the process is killed in between, the next attempt records them
again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.accounts.time_zones import zone_or_utc
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import Credential, CredentialKind, CredentialState, Mailbox
from alertadmin.registry.models.mailbox import by_exchange_online_ews
from alertadmin.registry.safe_names import clean, quoted
from alertadmin.reminders import policies
from alertadmin.reminders.models import CalendarEntry, Reminder, ReminderKind
from alertadmin.reminders.rules.schedule import DEFAULT, ReminderSchedule
from alertadmin.reminders.scan.sources import ews
from mailer.email_address import canonical


@dataclass(frozen=True)
class ExpiryEvent:
    """The expiry of a credential, or of EWS for a mailbox. `what` is the description, or the mailbox's address."""

    kind: ReminderKind
    thing: UUID
    """The credential's or mailbox's id: the UID in a feed, an attachment and a withdrawal (RFC 7986, 5.3)."""
    ends_at: datetime
    moves: int
    """How often the expiry changed; the SEQUENCE."""
    changed_at: datetime
    tenant: UUID
    tenant_name: str
    app: UUID | None
    app_name: str
    client_id: str
    what: str
    plan: ReminderSchedule
    credential_kind: str = CredentialKind.SECRET
    state: str = CredentialState.CURRENT
    day: date | None = None
    """Of an expiry that is known by its day only; None where the time counts too."""

    @property
    def title(self) -> str:
        """In the active language."""
        if self.kind == ReminderKind.EWS:
            return _("EWS of %(address)s (%(tenant)s) is switched off") % {
                "address": self.what,
                "tenant": quoted(self.tenant_name),
            }
        names = {"app": quoted(self.app_name), "tenant": quoted(self.tenant_name)}
        if self.credential_kind == CredentialKind.CERTIFICATE:
            return _("Certificate of %(app)s (%(tenant)s) expires") % names
        return _("Client secret of %(app)s (%(tenant)s) expires") % names

    @property
    def alarms(self) -> str:
        """The times of the alarms, in words."""
        before = [days for days in self.plan.thresholds if days]
        if not before:
            return _("alarm at expiry")
        days = ngettext("%(days)s day before", "%(days)s days before", before[0]) % {
            "days": ", ".join(map(str, before))
        }
        words = _("alarms: %(days)s and at expiry") if 0 in self.plan.thresholds else _("alarms: %(days)s")
        return words % {"days": days}

    @property
    def explanation(self) -> str:
        """What it is, what to do, and where."""
        return "\n\n".join([self._what_it_is(), self._what_to_do(), self.url])

    @property
    def url(self) -> str:
        page = "mailbox" if self.kind == ReminderKind.EWS else "credential"
        return settings.PUBLIC_URL + reverse(page, args=[self.thing])

    def _what_it_is(self) -> str:
        if self.kind == ReminderKind.EWS:
            return _("%(address)s still sends by EWS, which Exchange Online switches off permanently.") % {
                "address": self.what
            }
        lines = [_("Tenant: %(name)s") % {"name": clean(self.tenant_name)}]
        lines.append(_("App registration: %(name)s (%(id)s)") % {"name": clean(self.app_name), "id": self.client_id})
        if self.what:
            lines.append(_("Description: %(name)s") % {"name": clean(self.what)})
        if self.state == CredentialState.NEXT:
            lines.append(_("It is waiting to replace the one in use."))
        elif self.state == CredentialState.OTHER:
            lines.append(_("It is monitored only: alertadmin does not send with it."))
        return "\n".join(lines)

    def _what_to_do(self) -> str:
        if self.kind == ReminderKind.EWS:
            return _("Move it to Microsoft Graph before this day, and verify it with a test send:")
        if self.state == CredentialState.OTHER:
            return _(
                "Software that uses it stops then. Before that, replace it there, or choose “No longer used” on its "
                "page if no software uses it any more:"
            )
        if self.day and self.credential_kind == CredentialKind.CERTIFICATE:
            return _(
                "Software that sends mail with it stops on this day. Before that, upload a new certificate "
                "in the Entra portal (App registrations, Certificates & secrets) and enter it here:"
            )
        if self.day:
            return _(
                "Software that sends mail with it stops on this day. Before that, create a new secret in the "
                "Entra portal (App registrations, Certificates & secrets) and enter it here:"
            )
        if self.credential_kind == CredentialKind.CERTIFICATE:
            return _(
                "Software that sends mail with it stops at this moment. Before that, upload a new certificate "
                "in the Entra portal (App registrations, Certificates & secrets) and enter it here:"
            )
        return _(
            "Software that sends mail with it stops at this moment. Before that, create a new secret in the "
            "Entra portal (App registrations, Certificates & secrets) and enter it here:"
        )


def day_of(ends_at: datetime, zone: ZoneInfo) -> date | None:
    """The day of an expiry without a time: its first moment in the tenant's zone, as `parse_expiry` stores it.

    Entra writes the moment at which a secret was created, so a time of midnight means that only the day is known.
    """
    local = ends_at.astimezone(zone)
    return local.date() if local.time() == time.min else None


def of_credentials(found: QuerySet[Credential]) -> Iterator[ExpiryEvent]:
    """In the order of the query."""
    sender = policies.sending_app()
    rows: QuerySet[Any, Any] = found.annotate(plan=policies.PlanLookup().text("app", "app__tenant")).values(
        "pk", "kind", "description", "state", "expires_at", "end_moves", "end_moved_at", "created_at", "plan",
        "app_id", "app__name", "app__client_id", "app__tenant_id", "app__tenant__name",
        "app__tenant__time_zone",
    )  # fmt: skip
    for row in rows:
        plan = policies.parsed(row["plan"]) or DEFAULT
        yield ExpiryEvent(
            kind=ReminderKind.CREDENTIAL,
            thing=row["pk"],
            ends_at=row["expires_at"],
            moves=row["end_moves"],
            changed_at=row["end_moved_at"] or row["created_at"],
            tenant=row["app__tenant_id"],
            tenant_name=row["app__tenant__name"],
            app=row["app_id"],
            app_name=row["app__name"],
            client_id=row["app__client_id"],
            what=row["description"],
            plan=plan.earlier() if row["app_id"] == sender else plan,
            credential_kind=row["kind"],
            state=row["state"],
            day=day_of(row["expires_at"], zone_or_utc(row["app__tenant__time_zone"])),
        )


def of_mailboxes(found: QuerySet[Mailbox]) -> Iterator[ExpiryEvent]:
    """Of the mailboxes that still send by EWS."""
    rows: QuerySet[Any, Any] = (
        found.filter(by_exchange_online_ews())
        .annotate(plan=policies.PlanLookup().text("app", "tenant"), client_id=F("app__client_id"))
        .values("pk", "address", "created_at", "plan", "app_id", "app__name", "client_id", "tenant_id", "tenant__name")
    )
    for row in rows:
        yield ExpiryEvent(
            kind=ReminderKind.EWS,
            thing=row["pk"],
            ends_at=ews.ENDS,
            moves=0,
            changed_at=row["created_at"],
            tenant=row["tenant_id"],
            tenant_name=row["tenant__name"],
            app=row["app_id"],
            app_name=row["app__name"] or "",
            client_id=row["client_id"] or "",
            what=row["address"],
            plan=policies.parsed(row["plan"]) or DEFAULT,
            day=ews.ENDS.date(),
        )


def of_reminders(reminders: Sequence[Reminder]) -> list[ExpiryEvent]:
    """The most urgent first, as in the mail."""
    credentials = Credential.objects.filter(pk__in={one.credential_id for one in reminders if one.credential_id})
    mailboxes = Mailbox.objects.filter(pk__in={one.mailbox_id for one in reminders if one.mailbox_id})
    return sorted([*of_credentials(credentials), *of_mailboxes(mailboxes)], key=lambda end: (end.ends_at, end.thing))


@transaction.atomic
def record_entries(delivery: Delivery, ends: Iterable[ExpiryEvent]) -> None:
    """Record the entries of this delivery's calendar, and replace those of an earlier attempt.

    A delivery that may have arrived is repeated unchanged, and so is its record.
    """
    if delivery.was_uncertain and delivery.composed_at is not None:
        return
    CalendarEntry.objects.filter(delivery=delivery).delete()
    CalendarEntry.objects.bulk_create(
        CalendarEntry(
            delivery=delivery,
            recipient=canonical(delivery.recipient),
            kind=end.kind,
            thing=end.thing,
            tenant_id=end.tenant,
            app_id=end.app,
            app_name=end.app_name,
            what=end.what,
            ends_at=end.ends_at,
            sequence=end.moves,
        )
        for end in ends
    )
