"""What needs somebody today: each as one line with its state, what it is, and the one act that mends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.dashboard.looks import AMBER_DAYS, BAD, DOUBTFUL, SOON, Look, look_of_end
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.registry.models import Consent, ConsentStatus, Credential, CredentialState, Mailbox
from alertadmin.registry.permissions import Permission, Transport
from alertadmin.reminders import scan
from alertadmin.reminders.digest import time_left
from alertadmin.reminders.models import Notice
from mailer.diagnosis import explain

SHOWN = 6
"""Of each kind; the rest is one link away."""
EWS_ENDS = date(2027, 4, 1)
"""Source: Microsoft, "Deprecation of Exchange Web Services in Exchange Online"."""
RECENT = timedelta(days=14)
BADGE = {"danger": 0, "warning": 1}


@dataclass(frozen=True)
class Need:
    look: Look
    state: str
    """How it stands, in a word or two."""
    what: str
    url: str
    detail: str = ""
    act: str = ""
    act_url: str = ""


def needs(now: datetime) -> list[Need]:
    """The reddest first; within one colour in the order of the kinds below."""
    kinds = (_ending(now), _told_to_nobody(now), _consents(), _deliveries(now), _ews(now))
    return sorted((need for kind in kinds for need in kind), key=lambda need: BADGE.get(need.look.colour, 2))


def ending(now: datetime) -> Q:
    return Q(state=CredentialState.CURRENT, expires_at__lte=now + timedelta(days=AMBER_DAYS))


def _ending(now: datetime) -> Iterator[Need]:
    found = Credential.objects.filter(ending(now)).select_related("app__tenant").defer("value")
    shown = list(found.order_by("expires_at", "pk")[:SHOWN])
    told = _people_told(shown)
    for credential in shown:
        details = [str(credential)]
        if credential.is_expired(now):
            details.append(_("mail through it has stopped"))
        people = told.get(credential.pk, 0)
        details.append(
            ngettext("told %(people)d person", "told %(people)d people", people) % {"people": people}
            if people
            else _("nobody told yet")
        )
        yield Need(
            look_of_end(credential, now),
            time_left(credential.expires_at, now),
            f"{credential.app.tenant.name} / {credential.app.name}",
            credential.get_absolute_url(),
            " · ".join(details),
            _("Replace"),
            reverse("credential-replace", args=[credential.pk]),
        )


def _people_told(credentials: Sequence[Credential]) -> dict[UUID, int]:
    """Asked of those shown alone: to count it for every secret takes a second where there are many."""
    sent = Notice.objects.filter(reminder__credential__in=credentials, delivery__state=DeliveryState.SENT).order_by()
    counted = sent.values_list("reminder__credential").annotate(Count("delivery__recipient", distinct=True))
    return dict(counted)


def _told_to_nobody(now: datetime) -> Iterator[Need]:
    seen: set[UUID] = set()
    for credential in scan.owed_to_nobody(now).select_related("app__tenant").defer("value")[: SHOWN * 3]:
        tenant = credential.app.tenant
        if tenant.pk not in seen and len(seen) < SHOWN:
            seen.add(tenant.pk)
            yield Need(
                BAD,
                _("nobody to tell"),
                tenant.name,
                tenant.get_absolute_url(),
                _("A secret ends and there is no contact."),
                _("Add a contact"),
                reverse("tenant-edit", args=[tenant.pk]),
            )


def _consents() -> Iterator[Need]:
    """One line for each app and tenant; a secret that ended has its own line above."""
    found = Consent.objects.filter(status__in=[ConsentStatus.ERROR, ConsentStatus.NOT_IN_TOKEN])
    found = found.exclude(cause="secret_expired").select_related("app", "tenant").order_by("-checked_at", "permission")
    together: dict[tuple[UUID, UUID], list[Consent]] = {}
    for consent in found[: SHOWN * len(Permission)]:
        together.setdefault((consent.tenant_id, consent.app_id), []).append(consent)
    for consents in list(together.values())[:SHOWN]:
        first = consents[0]
        is_error = first.status == ConsentStatus.ERROR
        details = [", ".join(consent.permission for consent in consents)]
        if is_error and first.cause:
            details.insert(0, explain(first.cause, translate=_).title)
        yield Need(
            DOUBTFUL,
            _("consent unclear") if is_error else _("no consent"),
            f"{first.tenant.name} / {first.app.name}",
            first.app.get_absolute_url(),
            " · ".join(details),
            _("See why"),
            f"{first.app.get_absolute_url()}#consent",
        )


def _deliveries(now: datetime) -> Iterator[Need]:
    found = Delivery.objects.filter(state__in=[DeliveryState.FAILED, DeliveryState.UNCERTAIN], purpose="reminder")
    for delivery in found.filter(created_at__gt=now - RECENT).defer("text", "html")[:SHOWN]:
        url = reverse("delivery", args=[delivery.pk])
        look = BAD if delivery.state == DeliveryState.FAILED else DOUBTFUL
        yield Need(
            look,
            str(delivery.get_state_display()),
            delivery.recipient,
            url,
            delivery.subject or str(delivery.get_purpose_display()),
            _("See why"),
            url,
        )


def _ews(now: datetime) -> Iterator[Need]:
    count = Mailbox.objects.filter(transport=Transport.EWS, server="").count()
    if not count:
        return
    days = (EWS_ENDS - now.date()).days
    yield Need(
        SOON if days > 0 else BAD,
        ngettext("EWS ends in %(days)d day", "EWS ends in %(days)d days", days) % {"days": days}
        if days > 0
        else _("EWS has ended"),
        ngettext("%(count)d mailbox still sends by EWS", "%(count)d mailboxes still send by EWS", count)
        % {"count": count},
        f"{reverse('mailboxes')}?transport=ews",
        _("Exchange Online switches EWS off tenant by tenant, for good on 2027-04-01."),
        _("Move to Graph"),
        f"{reverse('mailboxes')}?transport=ews",
    )
