"""Audit of sign-in, failed sign-in and sign-out, by Django's and allauth's signals, for every login method.

The session is saved with the response: if the audit entry cannot be written, the request fails and no session starts.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction

from alertadmin.audit.actions import AuditAction, Result
from alertadmin.audit.log import record, record_refusal


def listen() -> None:
    user_logged_in.connect(signed_in)
    user_logged_out.connect(signed_out)
    user_login_failed.connect(refused)


@transaction.atomic
def signed_in(sender: object, user: Any, **_signal: Any) -> None:
    record(AuditAction.SESSION_SIGNED_IN, user, by=user)


@transaction.atomic
def signed_out(sender: object, user: Any, **_signal: Any) -> None:
    """Django sends user None for a session that has already ended."""
    if user is not None:
        record(AuditAction.SESSION_SIGNED_OUT, user, by=user)


def refused(sender: object, credentials: dict[str, Any], **_signal: Any) -> None:
    """Record a failed sign-in as anonymous. The typed name is recorded only if it is a user's address: users sometimes
    type the password into the wrong field."""
    from alertadmin.accounts.models import User

    typed = str(credentials.get("username") or credentials.get("email") or "")
    known = User.objects.by_address(typed) if typed else None
    record_refusal(AuditAction.SESSION_SIGNED_IN, known, result=Result.REFUSED)
