"""A calendar's address grants access: it is revoked when its owner loses access or resets their password."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from alertadmin import audit
from alertadmin.accounts.access import Access
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction, AuditEntry
from alertadmin.reminders.models import CalendarFeed


def active_feeds(owner: User) -> list[CalendarFeed]:
    """The owner's calendars whose addresses are valid, the oldest first."""
    return list(CalendarFeed.objects.filter(owner=owner, revoked_at=None).select_related("tenant", "owner"))


def may_be_fetched(feed: CalendarFeed) -> bool:
    """Whether the owner may still see its content."""
    access = Access(feed.owner)
    return access.in_tenant(feed.tenant_id, Right.LOOK) if feed.tenant_id else access.in_any_tenant(Right.LOOK)


def revoke(feeds: list[CalendarFeed], now: datetime) -> int:
    """Revoke the calendars, with an audit entry each. Return how many there were."""
    with transaction.atomic():
        for feed in feeds:
            CalendarFeed.objects.filter(pk=feed.pk).update(revoked_at=now)
            audit.record(AuditAction.CALENDAR_REVOKED, feed)
    return len(feeds)


def follow_access(sender: object, entry: AuditEntry, on: object, **_signal: Any) -> None:
    """Revoke calendars in the transaction of the audit entry, so that a later role does not reactivate them.

    A role lost with a group may return with it: such calendars only stop answering meanwhile.
    """
    if not isinstance(on, User) or entry.result != audit.Result.DONE:
        return
    is_reset = entry.act == AuditAction.PASSWORD_CHANGED and entry.details.get("method") == "link"
    if is_reset or entry.act == AuditAction.PERSON_DEACTIVATED:
        revoke(active_feeds(on), entry.at)
    elif entry.act == AuditAction.PERSON_ROLE_CHANGED and entry.details.get("reason") != "group":
        revoke([feed for feed in active_feeds(on) if not may_be_fetched(feed)], entry.at)
