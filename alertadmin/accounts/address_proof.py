"""Proof of an account's e-mail address: a mailed link was opened, or the operator vouched for the address.

The author of an invitation can open its link, set a password, and wait until the account gets more rights. So a role in
the whole installation that a user grants is in force only once the address is proven (`role_grants`); until then it is
a PendingRole. A sign-in provider does not prove an address: it vouches for the subject and for its groups' roles.

A password reset link also proves the address, unless a passkey or a provider sign-in was added to the account before:
then another person may still be able to sign in, and only a signed-in user can prove it, by the `pending_role` link.
"""

from __future__ import annotations

from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from alertadmin import audit
from alertadmin.accounts.models import User
from mailer.email_address import canonical


def prove_address(user: User, now: datetime, *, method: str) -> bool:
    """Mark the address as proven and audit it. Call within a transaction. Returns whether it was unproven before."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("An address is proven within a transaction.")
    if user.is_proven:
        return False
    address = canonical(user.email)
    rows = User.objects.filter(pk=user.pk, email_canonical=address)
    if rows.update(proven_at=now, proven_address=address) == 0:
        return False  # the address was changed meanwhile
    user.proven_at, user.proven_address = now, address
    audit.record(audit.AuditAction.PERSON_PROVEN, user, by=user, method=method, recipient=user.email)
    return True


def has_other_login_methods(user: User) -> bool:
    """Whether a passkey or a provider sign-in gives access without the password."""
    passkeys = Authenticator.objects.filter(user=user.pk, type=Authenticator.Type.WEBAUTHN)
    return bool(passkeys.exists() or SocialAccount.objects.filter(user=user.pk).exists())
