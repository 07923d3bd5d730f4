"""Sessions: who is in with what and from where, how long one lasts, and ending them."""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.usersessions.models import UserSession
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Subquery
from django.http import HttpRequest

from alertadmin.accounts.client_ip import client_ip
from alertadmin.accounts.models.mfa_policy import MfaPolicy
from alertadmin.clock_skew import is_ahead

IDLE = timedelta(hours=2)
"""Without a request."""
LONGEST = timedelta(hours=12)
"""From the sign-in on, however busy."""
SEEN_EVERY = timedelta(minutes=1)
"""A row is not written for each request."""


def is_current(request: HttpRequest, now: datetime) -> bool:
    """Notes that the session was seen; False, and it is ended, if it has lasted long enough."""
    key = request.session.session_key
    # Asked along with it, because every page needs it too (second_factors.is_lacking).
    demand = Subquery(MfaPolicy.objects.values("second_factor")[:1])
    row = UserSession.objects.filter(session_key=key).annotate(demand=demand).first()
    seen = {"ip": client_ip(request), "user_agent": request.headers.get("User-Agent", "")[:200]}
    if row is None:
        # Of before sessions were listed, or signed in by a test.
        UserSession.objects.get_or_create(
            session_key=key, defaults={**seen, "user": request.user, "created_at": now, "last_seen_at": now}
        )
        return True
    request.factor_demanded = row.demand  # type: ignore[attr-defined]
    is_wrong = is_ahead(row.last_seen_at, now) or is_ahead(row.created_at, now)
    if is_wrong or now - row.last_seen_at > IDLE or now - row.created_at > LONGEST:
        row.end()
        return False
    if now - row.last_seen_at > SEEN_EVERY or row.ip != seen["ip"]:
        UserSession.objects.filter(pk=row.pk).update(last_seen_at=now, **seen)
    return True


def sessions_of(user: AbstractBaseUser) -> list[UserSession]:
    """Those that still stand, the last seen first."""
    return sorted(UserSession.objects.purge_and_list(user), key=lambda row: row.last_seen_at, reverse=True)


def end_all(user: AbstractBaseUser, but: str | None = None) -> int:
    """Ends every session of a person, but the one with this key; returns how many."""
    ended = UserSession.objects.filter(user=user).exclude(session_key=but)
    rows = list(ended)
    for row in rows:
        row.end()
    return len(rows)
