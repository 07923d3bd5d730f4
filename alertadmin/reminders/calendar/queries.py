"""Expiries from the database, each with its effective schedule: two queries for any number of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import F, QuerySet

from alertadmin.registry.models import Credential, Mailbox
from alertadmin.reminders import policies
from alertadmin.reminders.calendar.expiry_event import ExpiryEvent
from alertadmin.reminders.models import ReminderKind
from alertadmin.reminders.rules.schedule import ReminderSchedule
from alertadmin.reminders.scan.sources import ews


def of_credentials(found: QuerySet[Credential]) -> Iterator[ExpiryEvent]:
    """In the order of the query."""
    sender = policies.sending_app()
    rows: QuerySet[Any, Any] = found.annotate(plan=policies.PlanLookup().text("app", "app__tenant")).values(
        "pk", "kind", "description", "state", "expires_at", "end_moves", "end_moved_at", "created_at", "plan",
        "app_id", "app__name", "app__client_id", "app__tenant_id", "app__tenant__name",
    )  # fmt: skip
    for row in rows:
        plan = ReminderSchedule.of(row["plan"])
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
        )


def of_mailboxes(found: QuerySet[Mailbox]) -> Iterator[ExpiryEvent]:
    """Of the mailboxes that still send by EWS."""
    rows: QuerySet[Any, Any] = (
        found.filter(ews.still_by_ews())
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
            plan=ReminderSchedule.of(row["plan"]),
        )
