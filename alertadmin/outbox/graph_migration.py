"""Move a mailbox from EWS to Microsoft Graph: only after a test by Graph was accepted, since a working transport is not
replaced by an untested one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import AppRegistration, Mailbox
from alertadmin.registry.permissions import Permission, TransportName

TEST_LIFETIME = timedelta(days=7)
"""Age after which an accepted test by Graph is no longer sufficient."""


class NotTested(Exception):
    """No test by Graph was accepted lately."""


def tests_by_graph(mailbox: Any) -> QuerySet[Delivery]:
    """Tests by Graph, newest first. `mailbox` may be an OuterRef."""
    tests = Delivery.objects.filter(mailbox=mailbox, purpose=Purpose.TEST, transport=TransportName.GRAPH)
    return tests.order_by("-created_at")


def allows_switch(state: str | None, at: datetime | None, now: datetime) -> bool:
    """Whether the newest test by Graph, with this state and time, allows the switch."""
    return state == DeliveryState.SENT and at is not None and now - at < TEST_LIFETIME


def sends_by_ews(mailbox: Mailbox) -> bool:
    """Whether it sends by EWS of Exchange Online."""
    return mailbox.transport == TransportName.EWS and not mailbox.server


def last_test(mailbox: Mailbox, now: datetime) -> Delivery | None:
    """The newest test by Graph that is young enough to decide."""
    return tests_by_graph(mailbox).filter(created_at__gt=now - TEST_LIFETIME, created_at__lte=now).first()


def require_mail_send(app: AppRegistration) -> None:
    """Add Mail.Send to the required permissions of the app."""
    with audit.record_change(AuditAction.APP_CHANGED, app):
        app.permissions = [*app.permissions, Permission.MAIL_SEND.value]
        app.save(update_fields=["permissions"])
        sync_required_consents([app])


def switch(mailbox: Mailbox, now: datetime) -> None:
    """Let the mailbox send by Graph. Raises NotTested."""
    last = tests_by_graph(mailbox).first()
    if last is None or not allows_switch(last.state, last.created_at, now):
        raise NotTested
    with audit.record_change(AuditAction.MAILBOX_CHANGED, mailbox):
        mailbox.transport = TransportName.GRAPH
        mailbox.save(update_fields=["transport"])
        if mailbox.app is not None:
            sync_required_consents([mailbox.app])
