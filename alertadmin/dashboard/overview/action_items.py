"""Action items of the overview: one line each, with state, subject and the action that resolves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, F, Model, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.credentials.table import WATCHED
from alertadmin.dashboard.ui import humanize
from alertadmin.dashboard.ui.badges import AMBER_DAYS, BAD, DOUBTFUL, SOON, Badge, badge_of_expiry
from alertadmin.outbox.channels import health
from alertadmin.outbox.delivery import route_health
from alertadmin.outbox.models import Attempt, Channel, Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import claims
from alertadmin.registry.models import Consent, ConsentStatus, Credential, CredentialState, Mailbox, Tenant
from alertadmin.registry.permissions import Permission, TransportName
from alertadmin.reminders.compose.digest import time_left
from alertadmin.reminders.models import ReminderLine
from alertadmin.reminders.scan import scanner
from alertadmin.reminders.scan.sources.ews import ENDS as EWS_ENDS
from alertadmin.reminders.scan.sources.personal_sign_ins import MONTH
from mailer.diagnosis import explain

SHOWN = 6
"""Items shown per kind; a last line links to the rest."""
RECENT = timedelta(days=14)
BADGE = {"danger": 0, "warning": 1}


@dataclass(frozen=True)
class ActionItem:
    badge: Badge
    state: str
    """State in a word or two."""
    what: str
    url: str
    detail: str = ""
    act: str = ""
    act_url: str = ""


def find_action_items(now: datetime, access: Access) -> list[ActionItem]:
    """Action items that the user may see: most urgent first, equal urgency in the order of `kinds`."""
    kinds = (_expiring, _without_recipients, _consents, _deliveries, _mailboxes, _channels, _sign_ins, _ews)
    return sorted(
        (need for kind in kinds for need in kind(now, access)), key=lambda need: BADGE.get(need.badge.colour, 2)
    )


def _more(badge: Badge, what: str, url: str) -> ActionItem:
    """Line that links to further items of a kind."""
    return ActionItem(badge, _("and more"), what, url, "", _("See all"), url)


def _act(access: Access, thing: Model, words: str, url: str) -> tuple[str, str]:
    """Return the action for users who may change the row, else empty strings."""
    return (words, url) if access.may(Right.CHANGE, thing) else ("", "")


def _expiring(now: datetime, access: Access) -> Iterator[ActionItem]:
    ending = (
        access.visible(Credential.objects.watched())
        .filter(expires_at__lte=now + timedelta(days=AMBER_DAYS))
        .order_by("expires_at", "pk")
    )
    found = list(ending.select_related("app__tenant").defer("value")[: SHOWN + 1])
    notified = _notified_counts(found[:SHOWN])
    for credential in found[:SHOWN]:
        details = [str(credential)]
        if credential.state != CredentialState.CURRENT:
            details.append(credential.get_state_display())
        elif credential.is_expired(now):
            details.append(_("mail through it is stopped"))
        details += notified.get(credential.pk) or [_("not notified yet")]
        yield ActionItem(
            badge_of_expiry(credential, now),
            time_left(credential.expires_at, now),
            f"{credential.app.tenant.name} / {credential.app.name}",
            credential.get_absolute_url(),
            " · ".join(details),
            *_renewal(access, credential),
        )
    if found[SHOWN:]:
        more = ending.count() - SHOWN
        what = ngettext("%(count)d more secret expires soon", "%(count)d more secrets expire soon", more)
        url = f"{reverse('credentials')}?ends={AMBER_DAYS}&state={WATCHED}"
        yield _more(badge_of_expiry(found[SHOWN], now), what % {"count": more}, url)


def _renewal(access: Access, credential: Credential) -> tuple[str, str]:
    """Replace what is in use. One that is not may be superseded or put into use on its page."""
    if credential.state == CredentialState.CURRENT:
        return _act(access, credential, _("Replace"), reverse("credential-replace", args=[credential.pk]))
    return _act(access, credential, _("Decide"), credential.get_absolute_url())


def _notified_counts(credentials: Sequence[Credential]) -> dict[UUID, list[str]]:
    """Numbers of notified recipients and channels. Queried for the shown secrets only: for all of them it takes a
    second in a large installation."""
    sent = ReminderLine.objects.filter(
        reminder__credential__in=credentials, delivery__state=DeliveryState.SENT
    ).order_by()
    by_mail = Count("delivery__recipient", filter=Q(delivery__channel_label=""), distinct=True)
    by_channel = Count("delivery__recipient", filter=~Q(delivery__channel_label=""), distinct=True)
    found: dict[UUID, list[str]] = {}
    for key, people, channels in sent.values_list("reminder__credential").annotate(people=by_mail, channels=by_channel):
        words = ngettext("%(people)d recipient notified", "%(people)d recipients notified", people) % {"people": people}
        also = ngettext("%(count)d channel notified", "%(count)d channels notified", channels) % {"count": channels}
        found[key] = [*([words] if people else []), *([also] if channels else [])]
    return found


def _without_recipients(now: datetime, access: Access) -> Iterator[ActionItem]:
    tenants = access.visible(Tenant).filter(apps__credentials__in=scanner.without_recipients(now)).distinct()
    found = list(tenants[: SHOWN + 1])
    for tenant in found[:SHOWN]:
        yield ActionItem(
            BAD,
            _("no recipient"),
            tenant.name,
            tenant.get_absolute_url(),
            _("A secret expires and its tenant has no contact."),
            *_act(access, tenant, _("Add a contact"), reverse("tenant-edit", args=[tenant.pk])),
        )
    if found[SHOWN:]:
        yield _more(BAD, _("More tenants without a recipient"), reverse("tenants"))


def _consents(_now: datetime, access: Access) -> Iterator[ActionItem]:
    """One item per app and tenant. An expired secret has its own item."""
    found = access.visible(Consent).filter(status__in=[ConsentStatus.ERROR, ConsentStatus.NOT_IN_TOKEN])
    found = (
        found.exclude(cause="secret_expired")
        .select_related("app", "tenant")
        .order_by(F("checked_at").desc(nulls_last=True), "permission")
    )
    together: dict[tuple[UUID, UUID], list[Consent]] = {}
    for consent in found[: (SHOWN + 1) * len(Permission)]:
        together.setdefault((consent.tenant_id, consent.app_id), []).append(consent)
    for consents in list(together.values())[:SHOWN]:
        first = consents[0]
        is_error = first.status == ConsentStatus.ERROR
        # The app may belong to a tenant that the user cannot see.
        is_theirs = access.may(Right.LOOK, first.app)
        url = first.app.get_absolute_url() if is_theirs else reverse("consent-ask", args=[first.pk])
        anchor = "#consent" if is_theirs else ""
        details = [", ".join(consent.permission for consent in consents)]
        if is_error and first.cause:
            details.insert(0, explain(first.cause, translate=_).title)
        yield ActionItem(
            DOUBTFUL,
            _("consent unclear") if is_error else _("no consent"),
            f"{first.tenant.name} / {first.app.name}",
            url,
            " · ".join(details),
            _("See why"),
            f"{url}{anchor}",
        )
    if len(together) > SHOWN:
        yield _more(DOUBTFUL, _("More apps without consent"), f"{reverse('consents')}?status=missing")


def _deliveries(now: datetime, access: Access) -> Iterator[ActionItem]:
    ended = Q(state__in=[DeliveryState.FAILED, DeliveryState.UNCERTAIN], created_at__gt=now - RECENT)
    wrong = access.visible(Delivery).filter(ended | claims.AWAITING_RETRY).exclude(purpose=Purpose.TEST)
    found = list(wrong.defer("text", "html", "attachments")[: SHOWN + 1])
    for delivery in found[:SHOWN]:
        url = reverse("delivery", args=[delivery.pk])
        badge = BAD if delivery.state == DeliveryState.FAILED else DOUBTFUL
        yield ActionItem(
            badge,
            str(delivery.get_state_display()),
            delivery.recipient,
            url,
            " · ".join(_why_not_sent(delivery)),
            _("See why"),
            url,
        )
    if found[SHOWN:]:
        url = f"{reverse('deliveries')}?state=wrong&purpose=no-test"
        yield _more(DOUBTFUL, _("More mails that may not have been delivered"), url)


def _why_not_sent(delivery: Delivery) -> Iterator[str]:
    yield delivery.subject or str(delivery.get_purpose_display())
    if delivery.cause and delivery.cause != "other":
        yield explain(delivery.cause, translate=_).title
    if delivery.settled_at is None:
        yield _("next attempt: %(time)s") % {"time": humanize.exact(delivery.not_before)}


def _mailboxes(now: datetime, access: Access) -> Iterator[ActionItem]:
    """Mailboxes whose last attempt failed, tests included."""
    rows = access.visible(Mailbox).select_related("tenant").defer("password", "refresh_token")
    found = list(route_health.failed_mailboxes(rows.order_by("address", "pk"), now)[: SHOWN + 1])
    attempts = Attempt.objects.in_bulk([vars(mailbox)["last_attempt"] for mailbox in found])
    for mailbox in found[:SHOWN]:
        attempt = attempts[vars(mailbox)["last_attempt"]]
        details = [mailbox.tenant.name, str(mailbox.get_transport_display()), explain(attempt.cause, translate=_).title]
        yield ActionItem(
            BAD,
            _("mailbox failing"),
            mailbox.address,
            mailbox.get_absolute_url(),
            " · ".join([*details, humanize.exact(attempt.started_at)]),
            *_act(access, mailbox, _("Test it"), mailbox.get_absolute_url()),
        )
    if found[SHOWN:]:
        yield _more(DOUBTFUL, _("More failing mailboxes"), reverse("mailboxes"))


def _channels(_now: datetime, access: Access) -> Iterator[ActionItem]:
    """Channels in use whose last attempt failed."""
    found = list(health.failing(access.visible(Channel.objects.defer("address", "signing_key")))[: SHOWN + 1])
    for channel in found[:SHOWN]:
        since = vars(channel)["failing_since"]
        yield ActionItem(
            DOUBTFUL,
            _("channel failing"),
            channel.name,
            channel.get_absolute_url(),
            _("%(kind)s, since %(time)s") % {"kind": channel.label, "time": humanize.exact(since)},
            _("See why"),
            channel.get_absolute_url(),
        )
    if found[SHOWN:]:
        yield _more(DOUBTFUL, _("More failing channels"), reverse("channels"))


def _sign_ins(now: datetime, access: Access) -> Iterator[ActionItem]:
    """Personal accounts without a sign-in, or with one that expires soon."""
    ending = Q(sign_in_ends_at=None) | Q(sign_in_ends_at__lte=now + timedelta(days=MONTH))
    accounts = access.visible(Mailbox).filter(ending, is_personal=True).select_related("tenant").defer("refresh_token")
    found = list(accounts.order_by("address", "pk")[: SHOWN + 1])
    for mailbox in found[:SHOWN]:
        ends = mailbox.sign_in_ends_at
        yield ActionItem(
            SOON if ends is not None and ends > now else BAD,
            _("not signed in") if ends is None else time_left(ends, now),
            mailbox.address,
            mailbox.get_absolute_url(),
            _("personal account: nothing can be sent for it until it signs in"),
            *_act(access, mailbox, _("Sign in"), reverse("mailbox-sign-in", args=[mailbox.pk])),
        )
    if found[SHOWN:]:
        yield _more(DOUBTFUL, _("More personal accounts to sign in"), f"{reverse('mailboxes')}?way=personal")


def _ews(now: datetime, access: Access) -> Iterator[ActionItem]:
    count = access.visible(Mailbox).filter(transport=TransportName.EWS, server="").count()
    if not count:
        return
    days = (EWS_ENDS - now).days
    url = reverse("leaving-ews")
    yield ActionItem(
        SOON if days > 0 else BAD,
        ngettext("EWS off in %(days)d day", "EWS off in %(days)d days", days) % {"days": days}
        if days > 0
        else _("EWS is off"),
        ngettext("%(count)d mailbox still sends by EWS", "%(count)d mailboxes still send by EWS", count)
        % {"count": count},
        url,
        _("Exchange Online switches EWS off tenant by tenant, permanently on 1 April 2027."),
        _("Move to Graph"),
        url,
    )
