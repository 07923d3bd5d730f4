"""The link that proves an account's address and grants the pending role.

The link alone grants nothing: another person may know the account's password. The user signs in and confirms; a user
who does not know the account chooses a new password, which ends other access.
"""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from alertadmin.accounts import password_reset, sessions
from alertadmin.accounts.decorators import public
from alertadmin.accounts.mfa import enforcement
from alertadmin.accounts.models import User, pending_role
from alertadmin.accounts.models.pending_role import PendingRole
from alertadmin.accounts.services import role_grants


@public
@never_cache
def prove(request: HttpRequest, token: str) -> HttpResponse:
    """A GET, for example by a mail scanner, changes nothing; a POST is accepted once."""
    found = pending_role.find(token, timezone.now())
    if found is None:
        return render(request, "auth/address_proof_used.html", status=404)
    if request.method == "POST" and request.user == found.user:
        return _confirm(request, found.user)
    if request.method == "POST" and not request.user.is_authenticated and found.user.has_usable_password():
        return redirect(password_reset.link(found.user))
    return render(request, "auth/address_proof.html", _context(request, found))


def _confirm(request: HttpRequest, user: User) -> HttpResponse:
    """End all other sessions: they may belong to a person who had access before the address was proven."""
    with transaction.atomic():
        sessions.end_all(user, but=request.session.session_key)
        given = role_grants.prove(user, timezone.now(), method="mailed link")
    if given is None:
        return render(request, "auth/address_proof_used.html", status=404)
    messages.success(
        request, _("Your address is confirmed. Your role is now active: %(role)s.") % {"role": given.label}
    )
    return enforcement.offer_redirect(request, reverse("overview")) or redirect("overview")


def _context(request: HttpRequest, found: PendingRole) -> dict[str, object]:
    is_self = request.user == found.user
    passkeys = Authenticator.objects.filter(user=found.user, type=Authenticator.Type.WEBAUTHN)
    return {
        "pending": found,
        "is_self": is_self,
        "is_other": request.user.is_authenticated and not is_self,
        "has_password": found.user.has_usable_password(),
        "passkeys": passkeys.order_by("created_at") if is_self else [],
        "links": SocialAccount.objects.filter(user=found.user) if is_self else [],
    }
