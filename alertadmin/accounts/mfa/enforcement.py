"""MFA enforcement and reset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast
from urllib.parse import urlencode

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from alertadmin import audit
from alertadmin.accounts import sessions
from alertadmin.accounts.mfa.login_stage import provider_verified_factor
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.models.mfa_policy import MfaPolicy, MfaRequirement
from alertadmin.accounts.roles import Right, roles_for
from alertadmin.adapters.allauth import get_authentication_records

FACTOR_TYPES = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""Recovery codes do not count: they only replace another factor."""
GRACE = timedelta(days=7)
"""After the first sign-in, under the policy STAFF (the default)."""
AT_ONCE = datetime.min.replace(tzinfo=UTC)


def must_add_factor(request: HttpRequest, now: datetime | None = None) -> bool:
    """Whether the user must add a second factor before anything else."""
    due = due_at(request)
    return due is not None and due <= (now or timezone.now())


def begin_grace(user: User, now: datetime) -> bool:
    """Start the grace period at the first sign-in, or the first after an upgrade. Returns whether it started now."""
    if user.factor_due_at is not None:
        return False
    user.factor_due_at = now + GRACE
    User.objects.filter(pk=user.pk, factor_due_at=None).update(factor_due_at=user.factor_due_at)
    return True


def offer_redirect(request: HttpRequest, to: str) -> HttpResponse | None:
    """Redirect to the page that offers a second factor, and from there to `to`. None if none is required yet or it is
    already overdue."""
    vars(request).pop("factor_due", None)  # cached before the grace period began
    due = due_at(request)
    if due is None or due <= timezone.now():
        return None
    return redirect(f"{reverse('factor-offer')}?{urlencode({'next': to}, safe='/')}")


def due_at(request: HttpRequest) -> datetime | None:
    """When the user must add a second factor at the latest; None if none is required or they have one. Cached on the
    request; queries the database only where one may be missing."""
    if "factor_due" not in vars(request):
        vars(request)["factor_due"] = _due_at(request)
    return cast("datetime | None", vars(request)["factor_due"])


def _due_at(request: HttpRequest) -> datetime | None:
    user = request.user
    if not isinstance(user, User) or any(one["method"] == "mfa" for one in get_authentication_records(request, user)):
        return None
    requirement = _requirement(request)
    due = user.factor_due_at if requirement == MfaRequirement.STAFF else AT_ONCE
    if requirement == MfaRequirement.OPTIONAL or due is None:
        return None
    memberships = Membership.objects.in_force(timezone.now()).filter(user=user, role__in=roles_for(Right.CHANGE))
    concerned = memberships.in_all_tenants() if requirement == MfaRequirement.STAFF else memberships
    if requirement != MfaRequirement.ALL and not concerned.exists():
        return None
    has_one = Authenticator.objects.filter(user=user.pk, type__in=FACTOR_TYPES).exists()
    return None if has_one or provider_verified_factor(request, user) else due


def _requirement(request: HttpRequest) -> str:
    """The owner's policy; by default STAFF, but OPTIONAL in a demo, which has nothing to protect."""
    missing = object()
    annotated = getattr(request, "mfa_requirement", missing)
    decided = MfaPolicy.objects.values_list("second_factor", flat=True).first() if annotated is missing else annotated
    if decided is None:
        return MfaRequirement.OPTIONAL if settings.ENVIRONMENT.sandbox else MfaRequirement.STAFF
    return str(decided)


def remove_factors(person: User) -> int:
    """Remove every second factor of a user who lost theirs, and end their sessions. Returns the number of factors.

    The user then signs in with the password alone, or by the provider if they have no password. If the policy requires
    a second factor, they must add one first.
    """
    with transaction.atomic():
        factors = list(Authenticator.objects.filter(user=person))
        for one in factors:
            one.delete()
        sessions.end_all(person)
        audit.record(audit.AuditAction.FACTOR_REMOVED, person, reason="reset", count=len(factors))
    return len(factors)
