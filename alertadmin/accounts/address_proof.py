"""Whether an account's address is proven: a link that was mailed to it was opened, or the operator vouched for it.

An invitation's maker can open its link, set a password and wait until the account is given more. So a role in the
whole installation that a person gives counts only once the address is proven (`role_grants`); until then the row
waits. A provider's word proves nothing: it vouches for the subject, and for the roles that its groups give.

A link to a new password proves too, unless a passkey or a provider's sign-in was added to the account before: then
others may still come in, and only a signed-in person proves, by the link of `pending_role`.
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
    """Within a transaction. Returns whether the address was not proven before; on the record with `method`."""
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


def other_ways_in(user: User) -> bool:
    """Whether something but the password leads into the account by itself."""
    passkeys = Authenticator.objects.filter(user=user.pk, type=Authenticator.Type.WEBAUTHN)
    return bool(passkeys.exists() or SocialAccount.objects.filter(user=user.pk).exists())
