"""A user's decision about a credential that expires: acknowledged, snoozed, ignored. Each is limited and recorded."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction
from alertadmin.registry.models import Credential
from alertadmin.reminders.models import Snooze, SnoozeKind
from alertadmin.reminders.rules.schedule import ESCALATE_TO_ALL_DAYS
from alertadmin.stored_values import shifted

MAX_DURATION = timedelta(days=731)
MIN_BEFORE_EXPIRY = timedelta(days=1)
"""A snooze ends at least this long before the credential expires."""


def is_last_week(expires_at: datetime, now: datetime) -> bool:
    """Whether an acknowledgement no longer stops reminders: a week or less before the expiry, or after it."""
    return expires_at <= now + timedelta(days=ESCALATE_TO_ALL_DAYS)


def active_snoozes(now: datetime, credential: str, expires_at: str) -> QuerySet[Snooze]:
    """For a query: snoozes that suppress reminders now. In the last week an acknowledgement does not.

    `credential` and `expires_at` are the paths to the credential's id and expiry.
    """
    last_week = now + timedelta(days=ESCALATE_TO_ALL_DAYS)
    return Snooze.objects.filter(
        ~Q(kind=SnoozeKind.ACKNOWLEDGED) | Q(expires_at__gt=last_week),
        credential=OuterRef(credential),
        expires_at=OuterRef(expires_at),
        until__gt=now,
        withdrawn_at=None,
    )


def active_for(credential: Credential, now: datetime) -> list[Snooze]:
    """The credential's snoozes that have neither expired nor been withdrawn, the newest first. An acknowledgement is
    among them in the last week too, when it no longer stops reminders."""
    return list(
        credential.snoozes.filter(expires_at=credential.expires_at, until__gt=now, withdrawn_at=None).select_related(
            "by"
        )
    )


@transaction.atomic
def snooze(
    credential: Credential, kind: SnoozeKind, *, until: datetime, reason: str = "", by: User, now: datetime
) -> Snooze:
    """Record a snooze; an earlier one of the same kind is withdrawn. Raises ValidationError with a helpful text."""
    if until <= now:
        raise ValidationError({"until": _("This time is past. Choose a later one.")})
    if until > now + MAX_DURATION:
        raise ValidationError({"until": _("This is more than two years ahead. Choose a nearer day.")})
    latest = shifted(credential.expires_at, -MIN_BEFORE_EXPIRY)
    if kind == SnoozeKind.SNOOZED and credential.expires_at > now and until > latest:
        raise ValidationError(
            {"until": _("It expires before that. Choose a day before its expiry date, or acknowledge the reminder.")}
        )
    if kind == SnoozeKind.IGNORED and not reason.strip():
        raise ValidationError({"reason": _("Enter a reason; other users can read it later: “the customer renews it”.")})
    credential.snoozes.filter(kind=kind, withdrawn_at=None).update(withdrawn_at=now)
    created = Snooze.objects.create(
        credential=credential,
        expires_at=credential.expires_at,
        kind=kind,
        until=until,
        reason=" ".join(reason.split()),
        by=by,
        by_name=str(by),
        created_at=now,
    )
    audit.record(AuditAction.CREDENTIAL_HELD, credential, by=by, kind=kind, until=until, reason=created.reason, now=now)
    return created


@transaction.atomic
def withdraw(active: Snooze, *, now: datetime) -> None:
    """Withdraw it: reminders resume now; of those missed meanwhile the nearest is sent."""
    if Snooze.objects.filter(pk=active.pk, withdrawn_at=None).update(withdrawn_at=now):
        audit.record(AuditAction.CREDENTIAL_RESUMED, active.credential, kind=active.kind, now=now)
