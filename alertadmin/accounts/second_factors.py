"""Whose second factor is asked for, and helping whoever has lost theirs."""

from __future__ import annotations

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Exists
from django.http import HttpRequest

from alertadmin.accounts import audit, sessions
from alertadmin.accounts.demand import SignInDemand, WhoseFactor
from alertadmin.accounts.membership import Membership
from alertadmin.accounts.models import User
from alertadmin.accounts.providers.second_factor import was_shown_elsewhere
from alertadmin.accounts.roles import Right, roles_for

KINDS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""Recovery codes alone are none: they stand in for another."""


def is_lacking(request: HttpRequest) -> bool:
    """Whether the person must add one before anything else. Asks nothing of whoever came in by one."""
    user = request.user
    if not isinstance(user, User) or any(one["method"] == "mfa" for one in get_authentication_records(request, user)):
        return False
    if getattr(request, "factor_demanded", WhoseFactor.ALL) in (None, WhoseFactor.OPTIONAL):
        return False
    demand = SignInDemand.objects.annotate(
        has_one=Exists(Authenticator.objects.filter(user=user.pk, type__in=KINDS)),
        may_change=Exists(Membership.objects.filter(user=user, role__in=roles_for(Right.CHANGE))),
    ).first()
    if demand is None or demand.has_one:
        return False
    is_asked = demand.second_factor == WhoseFactor.ALL or (
        demand.second_factor == WhoseFactor.CHANGERS and demand.may_change
    )
    return is_asked and not was_shown_elsewhere(request, user)


def take_away(person: User) -> int:
    """Every second factor of somebody who lost theirs, and every session; returns how many factors there were.

    From now on the password alone leads in, or the provider where there is no password; and where a second factor is
    demanded, a new one is added first.
    """
    with transaction.atomic():
        factors = list(Authenticator.objects.filter(user=person))
        for one in factors:
            one.delete()
        sessions.end_all(person)
        audit.record(audit.Act.FACTOR_REMOVED, person, reason="reset", count=len(factors))
    return len(factors)
