"""The recipients of reminders.

First level: the owners of the app, the contacts and further addresses of its tenant; if there are none, the
installation's addresses, else its administrators. Escalation level: those of the app, else the tenant's, else the
installation's, if any. In the last week (`schedule.ESCALATE_TO_ALL_DAYS`), after the expiry, and for a revoked consent:
all of these, including the installation's addresses (else its administrators). Channels are chosen independently
(`channel_recipients`).

A reminder mail or calendar correction belongs to a tenant if it is about that tenant alone and addressed to one of its
recipients (with a single tenant every recipient is). A mail about several tenants, or to the installation's users,
belongs to the installation: sent by a tenant's mailbox, it would leave other tenants' data or the users' addresses in
its Sent Items.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.models import Membership, User
from alertadmin.accounts.roles import Right, roles_for
from alertadmin.outbox.models import Delivery
from alertadmin.registry.installation_mailbox import has_several_tenants
from alertadmin.registry.models import AppRegistration, Contact, Tenant
from alertadmin.reminders import channel_recipients
from alertadmin.reminders.models import CalendarEntry, Level, Recipient, ReminderLine
from alertadmin.reminders.rules.schedule import ESCALATE_TO_ALL_DAYS
from mailer.email_address import canonical

INSTALLATION = Q(tenant=None, app=None)
ORIGINS = {
    "owner": gettext_lazy("owner of the app"),
    "contact": gettext_lazy("contact of the tenant"),
    "app": gettext_lazy("set for the app"),
    "tenant": gettext_lazy("set for the tenant"),
    "installation": gettext_lazy("set for this installation"),
    "administrator": gettext_lazy("administrator here"),
}
ALWAYS, NEVER = ~Q(pk__in=[]), Q(pk__in=[])


@dataclass(frozen=True)
class RecipientList:
    """Canonical e-mail addresses, each once and in one of the lists; `why` maps each to its origin, a value of
    `ORIGINS`."""

    first: list[str]
    next: list[str]
    last_week: list[str]
    """Notified only when all recipients are."""
    why: dict[str, str] = field(default_factory=dict)


def audience_of(tenant: Tenant, app: AppRegistration | None = None) -> RecipientList:
    """Evaluated for a page; the scan runs the same rule in the database (`fan_out`)."""
    scopes = Q(tenant=tenant) | INSTALLATION
    if app is not None:
        scopes |= Q(app=app)
    rows = list(Recipient.objects.filter(scopes))
    mine = {"app": [row for row in rows if row.app_id], "tenant": [row for row in rows if row.tenant_id]}
    mine["installation"] = [row for row in rows if not row.app_id and not row.tenant_id]
    why: dict[str, str] = {}
    contacts = list(tenant.contacts.values_list("email_canonical", flat=True))
    first = _named(_emails(mine["app"], Level.FIRST), "owner", why)
    first += _named(contacts, "contact", why) + _named(_emails(mine["tenant"], Level.FIRST), "tenant", why)
    own = _emails(mine["installation"], Level.FIRST)
    installation = (own or administrators(), "installation" if own else "administrator")
    first = first or _named(*installation, why)
    lines = [(_emails(mine[scope], Level.NEXT), scope) for scope in ("app", "tenant", "installation")]
    nearest = next((line for line in lines if line[0]), lines[-1])
    after = _named(*nearest, why)
    last_week = [address for line in (*lines, installation) for address in _named(*line, why)]
    return RecipientList(first, after, last_week, why)


def redact_for_tenant(audience: RecipientList) -> RecipientList:
    """For users with a role in one tenant: the installation's addresses are replaced by one placeholder."""
    hidden = {address for address, why in audience.why.items() if why in ("installation", "administrator")}
    name = _("recipients of this installation")
    seen: set[str] = set()

    def shown(addresses: list[str]) -> list[str]:
        found = dict.fromkeys(name if address in hidden else address for address in addresses)
        fresh = [address for address in found if address not in seen]
        seen.update(fresh)
        return fresh

    why = {address: why for address, why in audience.why.items() if address not in hidden} | {name: "installation"}
    return RecipientList(shown(audience.first), shown(audience.next), shown(audience.last_week), why)


def _emails(rows: list[Recipient], line: Level) -> list[str]:
    return [row.email_canonical for row in rows if row.line == line]


def _named(addresses: list[str], reason: str, why: dict[str, str]) -> list[str]:
    fresh = [address for address in dict.fromkeys(addresses) if address not in why]
    why.update(dict.fromkeys(fresh, reason))
    return fresh


def has_recipient(app: str, tenant: str, escalated: Q) -> Q:
    """For a query: whether there is any recipient; `app` and `tenant` are the paths to their ids. The escalation level
    counts only where `escalated` holds."""
    contacts = Contact.objects.filter(tenant=OuterRef(tenant))
    named = Recipient.objects.filter(INSTALLATION | Q(app=OuterRef(app)) | Q(tenant=OuterRef(tenant)))
    first = _exists(staff()) | _exists(contacts) | _exists(named.filter(line=Level.FIRST))
    people = first | (escalated & _exists(named.filter(line=Level.NEXT)))
    return people | channel_recipients.has_first_level(app, tenant)


def concerns(recipient: str) -> Q:
    """Filter of reminder lines whose reminder this address is to receive now, regardless of when they were written.

    The same rule as `audience_of`, from the recipient's side.
    """
    recipient = canonical(recipient)
    app, tenant = Q(app=OuterRef("reminder__app")), Q(tenant=OuterRef("reminder__tenant"))
    contacts, own = Contact.objects.filter(tenant), Recipient.objects.filter(app | tenant)
    mine = own.filter(email_canonical=recipient)
    is_everybody, is_escalated = Q(reminder__threshold__lte=ESCALATE_TO_ALL_DAYS), Q(reminder__is_escalated=True)
    no_first_level = _none_exists(contacts) & _none_exists(own.filter(line=Level.FIRST))
    apps_next, next_here = own.filter(app, line=Level.NEXT), own.filter(line=Level.NEXT)
    return (
        _exists(contacts.filter(email_canonical=recipient))
        | _exists(mine.filter(line=Level.FIRST))
        | (is_everybody & _exists(mine))
        | (is_escalated & _exists(mine.filter(app, line=Level.NEXT)))
        | (is_escalated & _exists(mine.filter(tenant, line=Level.NEXT)) & _none_exists(apps_next))
        | (_is_everywhere(recipient, Level.FIRST) & (is_everybody | no_first_level))
        | (_is_everywhere(recipient, Level.NEXT) & (is_everybody | (is_escalated & _none_exists(next_here))))
    )


def is_concerned(recipient: str) -> Q:
    """Filter of rows with an `app` and a `tenant` of which this address is a recipient, on any level."""
    recipient = canonical(recipient)
    contacts = Contact.objects.filter(tenant=OuterRef("tenant"), email_canonical=recipient)
    own = Recipient.objects.filter(Q(app=OuterRef("app")) | Q(tenant=OuterRef("tenant")), email_canonical=recipient)
    everywhere = _is_everywhere(recipient, Level.FIRST) | _is_everywhere(recipient, Level.NEXT)
    return _exists(contacts) | _exists(own) | everywhere


def _exists(rows: QuerySet[Any]) -> Q:
    return Q(Exists(rows))


def _none_exists(rows: QuerySet[Any]) -> Q:
    return Q(~Exists(rows))


def installation_addresses(line: Level) -> list[str]:
    """The installation's addresses on that level, canonical; if the first level is empty, its administrators'."""
    own = Recipient.objects.filter(INSTALLATION, line=line)
    return list(own.values_list("email_canonical", flat=True)) or (administrators() if line == Level.FIRST else [])


def _is_everywhere(recipient: str, line: Level) -> Q:
    return ALWAYS if recipient in installation_addresses(line) else NEVER


def administrators() -> list[str]:
    """The administrators' canonical addresses."""
    return sorted(staff().values_list("email_canonical", flat=True))


def staff() -> QuerySet[User]:
    """Active users who may change everything in the installation."""
    here = Membership.objects.in_force(timezone.now()).in_all_tenants().filter(role__in=roles_for(Right.CHANGE))
    return User.objects.filter(is_active=True, pk__in=here.order_by().values("user"))


def owner_of_reminder(delivery: Delivery) -> UUID | None:
    """The tenant that the mail belongs to; None: the installation."""
    tenants = ReminderLine.objects.filter(delivery=delivery).order_by().values_list("reminder__tenant", flat=True)
    return _owning_tenant(tenants.distinct()[:2], delivery.recipient)


def owner_of_correction(delivery: Delivery) -> UUID | None:
    """The same, from the entries that the mail withdraws or moves, and those that it carries."""
    entries = CalendarEntry.objects.filter(Q(corrected_by=delivery) | Q(delivery=delivery)).order_by()
    return _owning_tenant(entries.values_list("tenant", flat=True).distinct()[:2], delivery.recipient)


def _owning_tenant(tenants: Iterable[UUID], recipient: str) -> UUID | None:
    found = list(tenants)
    if len(found) != 1:
        return None
    [tenant] = found
    return tenant if not has_several_tenants() or _is_recipient_of(tenant, recipient) else None


def _is_recipient_of(tenant: UUID, recipient: str) -> bool:
    address = canonical(recipient)
    named = Recipient.objects.filter(Q(tenant=tenant) | Q(app__tenant=tenant), email_canonical=address)
    return Contact.objects.filter(tenant=tenant, email_canonical=address).exists() or named.exists()
