"""Which channels are notified of an expiry, independently of the recipients by mail (`recipients`).

First level: the channels of the app and of its tenant; if there are none, the installation's. Escalation level: those
of the app, else the tenant's, else the installation's. In the last week (`schedule.ESCALATE_TO_ALL_DAYS`) all of these.
A notification by channel does not replace a mail.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from alertadmin.outbox.models import Channel
from alertadmin.registry.models import AppRegistration, Tenant
from alertadmin.reminders.models import Level
from alertadmin.reminders.rules.schedule import ESCALATE_TO_ALL_DAYS


@dataclass(frozen=True)
class Channels:
    first: list[Channel]
    next: list[Channel]
    last_week: list[Channel]
    """Notified only when all recipients are."""


def channels_of(tenant: Tenant, app: AppRegistration | None = None) -> Channels:
    """Evaluated for a page; the scan runs the same rule in the database (`fan_out`)."""
    scopes = Q(tenant=tenant) | Q(tenant=None, app=None)
    if app is not None:
        scopes |= Q(app=app)
    rows = list(Channel.objects.active().filter(scopes, line__isnull=False).defer("address", "signing_key"))
    apps = [row for row in rows if row.app_id]
    tenants = [row for row in rows if row.tenant_id]
    everywhere = [row for row in rows if not row.app_id and not row.tenant_id]
    first = _in(Level.FIRST, apps + tenants) or _in(Level.FIRST, everywhere)
    after = _in(Level.NEXT, apps) or _in(Level.NEXT, tenants) or _in(Level.NEXT, everywhere)
    return Channels(first, after, [row for row in rows if row not in first and row not in after])


def redact_for_tenant(channels: Channels) -> Channels:
    """For users with a role in one tenant: the installation's channels are replaced by one placeholder."""

    def shown(rows: list[Channel]) -> list[Channel]:
        own = [row for row in rows if row.app_id or row.tenant_id]
        name = _("a channel of this installation")
        return own if len(own) == len(rows) else [*own, Channel(name=name, label=_("hidden"))]

    return Channels(shown(channels.first), shown(channels.next), shown(channels.last_week))


def _in(line: Level, rows: list[Channel]) -> list[Channel]:
    return [row for row in rows if row.line == line]


def own(scope: str, line: Level) -> QuerySet[Channel]:
    """For a query of reminders: the channels of the reminder's app or tenant."""
    return Channel.objects.active().filter(**{scope: OuterRef(f"{scope}_id")}, line=line).order_by()


def concerns(channel: Channel) -> Q:
    """Filter of reminder lines whose reminder this channel is to receive now, regardless of when they were written."""
    if channel.line is None or channel.is_paused:
        return Q(pk__in=[])
    line = Level(channel.line)
    condition = Q(reminder__is_escalated=True) if line == Level.NEXT else Q()
    if channel.app_id is not None:
        return condition & Q(reminder__app=channel.app_id)
    is_everybody = Q(reminder__threshold__lte=ESCALATE_TO_ALL_DAYS)
    app, tenant = Q(app=OuterRef("reminder__app")), Q(tenant=OuterRef("reminder__tenant"))
    nearer = Channel.objects.active().filter(app | tenant, line=line)
    if channel.tenant_id is not None:
        condition &= Q(reminder__tenant=channel.tenant_id)
        if line == Level.FIRST:
            return condition
        nearer = nearer.filter(app)
    return condition & (is_everybody | ~Q(Exists(nearer)))


def has_first_level(app: str, tenant: str) -> Q:
    """For a query: whether a channel of the first level exists; `app` and `tenant` are the paths to their ids."""
    always = Channel.objects.active().filter(line=Level.FIRST)
    near = always.filter(Q(app=OuterRef(app)) | Q(tenant=OuterRef(tenant)))
    return Q(Exists(always.of_the_installation())) | Q(Exists(near))
