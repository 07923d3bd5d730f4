"""Who signed in, who did not, who left: Django and allauth tell of it, whatever the way in.

A session is stored when the answer leaves: if its entry cannot be written, the request fails and nobody is in.
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
    """A session that has ended already is nobody's."""
    if user is not None:
        record(AuditAction.SESSION_SIGNED_OUT, user, by=user)


def refused(sender: object, credentials: dict[str, Any], **_signal: Any) -> None:
    """A stranger, until the right password is given. What was typed is written down only where it is a person's
    address: people type passwords into the wrong field."""
    from alertadmin.accounts.models import User

    typed = str(credentials.get("username") or credentials.get("email") or "")
    known = User.objects.by_address(typed) if typed else None
    record_refusal(AuditAction.SESSION_SIGNED_IN, known, result=Result.REFUSED)
