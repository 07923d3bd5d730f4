"""Who is told of what ends.

First in line: the owners of the app, the contacts and further addresses of its tenant; where there are none, the
installation's addresses, else its administrators. Next in line: those of the app, else the tenant's, else the
installation's, if any.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower

from alertadmin.accounts.models import User
from alertadmin.registry.models import AppRegistration, Contact, Tenant
from alertadmin.reminders.models import Line, Recipient

INSTALLATION = Q(tenant=None, app=None)


@dataclass(frozen=True)
class Audience:
    """E-mail addresses in lower case, each once and in one of the lines; `why` says of each where it comes from."""

    first: list[str]
    next: list[str]
    why: dict[str, str] = field(default_factory=dict)


def of(tenant: Tenant, app: AppRegistration | None = None) -> Audience:
    """For a page; the scan asks the database the same (`telling`)."""
    scopes = Q(tenant=tenant) | INSTALLATION
    if app is not None:
        scopes |= Q(app=app)
    rows = list(Recipient.objects.filter(scopes))
    mine = {"app": [row for row in rows if row.app_id], "tenant": [row for row in rows if row.tenant_id]}
    mine["installation"] = [row for row in rows if not row.app_id and not row.tenant_id]
    why: dict[str, str] = {}
    contacts = [email.lower() for email in tenant.contacts.values_list("email", flat=True)]
    first = _named(_emails(mine["app"], Line.FIRST), "owner", why)
    first += _named(contacts, "contact", why) + _named(_emails(mine["tenant"], Line.FIRST), "tenant", why)
    if not first:
        first = _named(_emails(mine["installation"], Line.FIRST), "installation", why)
    first = first or _named(administrators(), "administrator", why)
    lines = [(scope, _emails(mine[scope], Line.NEXT)) for scope in ("app", "tenant", "installation")]
    scope, addresses = next(((scope, found) for scope, found in lines if found), ("installation", []))
    after = _named([address for address in addresses if address not in first], scope, why)
    return Audience(first, after, why)


def _emails(rows: list[Recipient], line: Line) -> list[str]:
    return [row.email.lower() for row in rows if row.line == line]


def _named(addresses: list[str], reason: str, why: dict[str, str]) -> list[str]:
    fresh = [address for address in dict.fromkeys(addresses) if address not in why]
    why.update(dict.fromkeys(fresh, reason))
    return fresh


def has_somebody(app: str, tenant: str) -> Q:
    """For a query: whether anybody at all can be told; `app` and `tenant` are the paths to their ids."""
    contacts = Contact.objects.filter(tenant=OuterRef(tenant))
    everywhere = Recipient.objects.filter(INSTALLATION)
    own = Recipient.objects.filter(Q(app=OuterRef(app)) | Q(tenant=OuterRef(tenant)))
    return Q(Exists(staff())) | Q(Exists(everywhere)) | Q(Exists(contacts)) | Q(Exists(own))


def concerns(recipient: str) -> Q:
    """For a query of notices: those whose reminder is this address's business now, whatever it was when it was written.

    The same rule as `of`, read from the other end.
    """
    here, app, tenant = "reminder__", OuterRef("reminder__app"), OuterRef("reminder__tenant")
    mine = Recipient.objects.filter(Q(app=app) | Q(tenant=tenant), email__iexact=recipient)
    first = Q(Exists(Contact.objects.filter(tenant=tenant, email__iexact=recipient)))
    first |= Q(Exists(mine.filter(line=Line.FIRST)))
    after = Q(Exists(mine.filter(line=Line.NEXT)))
    own = Recipient.objects.filter(Q(app=app) | Q(tenant=tenant))
    if _is_everywhere(recipient, Line.FIRST):
        has_contacts = Exists(Contact.objects.filter(tenant=tenant))
        first |= ~Q(has_contacts) & ~Q(Exists(own.filter(line=Line.FIRST)))
    if _is_everywhere(recipient, Line.NEXT):
        after |= ~Q(Exists(own.filter(line=Line.NEXT)))
    return first | (Q(**{f"{here}is_escalated": True}) & after)


def _is_everywhere(recipient: str, line: Line) -> bool:
    """Whether an address is the installation's own of that line; without any first, its administrators are."""
    own = Recipient.objects.filter(INSTALLATION, line=line)
    if own.filter(email__iexact=recipient).exists():
        return True
    return line == Line.FIRST and not own.exists() and recipient in administrators()


def administrators() -> list[str]:
    """The staff's addresses, in lower case."""
    return sorted(set(staff().annotate(address=Lower("email")).values_list("address", flat=True)))


def staff() -> QuerySet[User]:
    """Those who may do everything here and are not switched off."""
    return User.objects.filter(is_active=True, is_staff=True)
