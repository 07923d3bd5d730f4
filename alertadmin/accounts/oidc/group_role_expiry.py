"""Expiry of group roles: a user who was removed from the group at the provider must not keep access by another login
method.

`MembershipQuerySet.in_force` decides what counts; this module handles users whose roles have all expired.
"""

from __future__ import annotations

from datetime import datetime

from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.oidc import provider_registry


def all_expired(user: User, now: datetime) -> bool:
    """Whether the user has group roles, and no role in force."""
    memberships = Membership.objects.filter(user=user)
    return memberships.expired(now).exists() and not memberships.in_force(now).exists()


def refuse(request: HttpRequest, user: User) -> None:
    """Show on the next page how to restore the roles, and audit a refused sign-in."""
    audit.record_refusal(
        audit.AuditAction.SESSION_SIGNED_IN, user, result=audit.Result.REFUSED, by=user, reason="group not confirmed"
    )
    slugs = SocialAccount.objects.filter(user=user).values_list("provider", flat=True)
    names = [found.label for slug in slugs if (found := provider_registry.find(slug))]
    if names:
        message = _(
            "Your role comes from your groups at %(provider)s, which has not confirmed it recently. Sign in "
            "with %(provider)s."
        )
        messages.warning(request, message % {"provider": " / ".join(names)})
    else:
        messages.warning(
            request, _("Your role came from a sign-in provider that no longer exists. Ask an administrator.")
        )
