"""Audit of wrong codes, failed reauthentication and throttled sign-ins, for which Django has no signal.

Neither the guess nor an unknown address is recorded: the latter may be a password in the wrong field.
"""

from __future__ import annotations

from typing import Any

from allauth.account.signals import authentication_step_completed
from allauth.mfa.signals import authentication_failed
from django.utils import timezone

from alertadmin import audit
from alertadmin.accounts import throttling
from alertadmin.accounts.mfa import login_stage
from alertadmin.accounts.models import User
from alertadmin.accounts.reauthentication import reauthentication_failed
from alertadmin.audit.throttle_counter import Limit

ONE_ENTRY_PER_WINDOW = Limit("told that it is throttled", 1, throttling.WINDOW)
"""Record the first refusal of an attack in each window; thousands of entries would hide the rest of the trail."""


def connect() -> None:
    for signal, receiver in (
        (throttling.throttled, _throttled),
        (authentication_failed, _code_wrong),
        (reauthentication_failed, _not_confirmed),
    ):
        signal.connect(receiver, dispatch_uid=receiver.__qualname__)
    authentication_step_completed.connect(login_stage.note_passkey_used, dispatch_uid="second factor at a provider")


def _throttled(account: str, **_signal: Any) -> None:
    if ONE_ENTRY_PER_WINDOW.acquire(account, timezone.now()) is None:
        _refused(audit.AuditAction.SESSION_SIGNED_IN, _user_of(account), audit.Result.REFUSED, "throttled")


def _code_wrong(user: User, reauthentication: bool = False, **_signal: Any) -> None:
    act = audit.AuditAction.SESSION_REAUTHENTICATED if reauthentication else audit.AuditAction.SESSION_SIGNED_IN
    _refused(act, user, audit.Result.FAILED, "code")


def _not_confirmed(request: Any, how: str, **_signal: Any) -> None:
    _refused(audit.AuditAction.SESSION_REAUTHENTICATED, request.user, audit.Result.FAILED, how)


def _user_of(address: str) -> User | None:
    return User.objects.by_address(address)


def _refused(act: audit.AuditAction, user: User | None, result: audit.Result, method: str) -> None:
    audit.record_refusal(act, user, result=result, method=method)
