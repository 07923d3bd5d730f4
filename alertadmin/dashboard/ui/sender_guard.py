"""Guard: only a recently reauthenticated owner may change what the installation sends by; all owners are notified.

Password links are sent by the installation's mailbox. It depends on rows that many pages write: itself, its app's
client ID, two directories and clouds, the credential in use, and the number of tenants. So no page checks this itself:
each POST of a signed-in user reads those rows first, and again at every audit entry, which each change writes in its
transaction. A difference is refused or needs reauthentication, and the transaction is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from alertadmin import audit
from alertadmin.accounts import reauthentication
from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import SAFE_METHODS
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction, AuditTarget, Result
from alertadmin.monitoring import owner_notices
from alertadmin.registry.installation_mailbox import InstallationSender


class OwnersOnly(PermissionDenied):
    """The action would have changed what the installation sends by."""


class NotConfirmed(Exception):
    """The user is an owner, but the last authentication is too long ago."""


@dataclass
class _Watch:
    request: HttpRequest
    sender: InstallationSender
    """State before the request, or after an owner's change that all owners were notified of."""


_watch: ContextVar[_Watch | None] = ContextVar("watch", default=None)


def check_sender(entry: audit.AuditEntry, **_signal: Any) -> None:
    """Called for each audit entry within its transaction. Raises OwnersOnly or NotConfirmed, which roll it back."""
    watch = _watch.get()
    if watch is None:
        return
    sender = InstallationSender.stored()
    before, watch.sender = watch.sender, sender
    if not sender.differs(before):
        return
    try:
        _allow(watch.request)
    except (OwnersOnly, NotConfirmed):
        watch.sender = before
        raise
    if not before.mailbox and _is_only_owner(watch.request):
        return  # nothing was replaced and there is no other owner to notify
    label = entry.label or sender.label or before.label
    owner_notices.notify_owners(AuditTarget(entry.kind, entry.object_id, label, entry.tenant), timezone.now())


def _allow(request: HttpRequest) -> None:
    if not access_of(request).in_all_tenants(Right.GOVERN):
        raise OwnersOnly
    if not reauthentication.is_recent(request):
        raise NotConfirmed


def _is_only_owner(request: HttpRequest) -> bool:
    return not Membership.objects.owners().exclude(user=request.user.pk).exists()


class SenderGuardMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in SAFE_METHODS or not request.user.is_authenticated:
            return self.get_response(request)
        token = _watch.set(_Watch(request, InstallationSender.stored()))
        try:
            return self.get_response(request)
        finally:
            _watch.reset(token)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Answer the exceptions outside the transaction: a failed password attempt must be counted."""
        if isinstance(error, OwnersOnly):
            match = request.resolver_match
            page = match.url_name if match else ""
            pk = str(match.kwargs.get("pk", "")) if match else ""
            audit.record_refusal(
                AuditAction.ACCESS_REFUSED, AuditTarget(object_id=pk), result=Result.REFUSED, path=page or ""
            )
            return render(request, "owners_only.html", status=403)
        if not isinstance(error, NotConfirmed):
            return None
        asked = reauthentication.request_confirmation(request)
        match = request.resolver_match
        return match.func(request, *match.args, **match.kwargs) if asked is None and match else asked


audit.recorded.connect(check_sender, dispatch_uid="what the installation sends by")
