"""Sessions: list them, expire them when idle or too old, and end them."""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.usersessions.models import UserSession
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Subquery
from django.http import HttpRequest

from alertadmin.accounts.client_ip import client_ip
from alertadmin.accounts.models.mfa_policy import MfaPolicy
from alertadmin.clock_skew import is_ahead

MAX_IDLE = timedelta(hours=2)
"""Maximum time without a request."""
MAX_AGE = timedelta(hours=12)
"""Maximum age since the sign-in, regardless of activity."""
SEEN_INTERVAL = timedelta(minutes=1)
"""Minimum interval between two updates of `last_seen_at`, so that not every request writes a row."""


def is_current(request: HttpRequest, now: datetime) -> bool:
    """Update the session's `last_seen_at`. Returns False, and ends the session, once it is idle or too old."""
    key = request.session.session_key
    # Annotated here to save a query: every page needs it too (mfa.enforcement).
    requirement = Subquery(MfaPolicy.objects.values("second_factor")[:1])
    row = UserSession.objects.filter(session_key=key).annotate(mfa_requirement=requirement).first()
    seen = {"ip": client_ip(request), "user_agent": request.headers.get("User-Agent", "")[:200]}
    if row is None:
        # The session is older than this table, or was made by a test client.
        UserSession.objects.get_or_create(
            session_key=key, defaults={**seen, "user": request.user, "created_at": now, "last_seen_at": now}
        )
        return True
    request.mfa_requirement = row.mfa_requirement  # type: ignore[attr-defined]
    is_wrong = is_ahead(row.last_seen_at, now) or is_ahead(row.created_at, now)
    if is_wrong or now - row.last_seen_at > MAX_IDLE or now - row.created_at > MAX_AGE:
        row.end()
        return False
    if now - row.last_seen_at > SEEN_INTERVAL or row.ip != seen["ip"]:
        UserSession.objects.filter(pk=row.pk).update(last_seen_at=now, **seen)
    return True


def sessions_of(user: AbstractBaseUser) -> list[UserSession]:
    """The user's live sessions, the most recently seen first."""
    return sorted(UserSession.objects.purge_and_list(user), key=lambda row: row.last_seen_at, reverse=True)


def end_all(user: AbstractBaseUser, but: str | None = None) -> int:
    """End every session of a user except the one with key `but`. Returns their number."""
    ended = UserSession.objects.filter(user=user).exclude(session_key=but)
    rows = list(ended)
    for row in rows:
        row.end()
    return len(rows)
