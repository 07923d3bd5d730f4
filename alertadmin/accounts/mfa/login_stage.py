"""Second step of a sign-in, skipped if the provider verified a second factor."""

from __future__ import annotations

from typing import Any, cast

from allauth.mfa.stages import AuthenticateStage
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from alertadmin.accounts.models import User
from alertadmin.accounts.oidc import provider_registry
from alertadmin.adapters.allauth import AUTHENTICATION_METHODS_SESSION_KEY, get_authentication_records

FACTOR_VERIFIED = "second_factor"
FIRST_STEP = "first_step"
"""Key in the login stage's state: the session hash at the first step, which depends on the password."""


def note_passkey_used(request: HttpRequest, method: str, user: User, **_signal: Any) -> None:
    """Record in the session that the provider verified a second factor at this sign-in."""
    if method == "socialaccount" and getattr(request, "second_factor_shown", False):
        records = get_authentication_records(request, user)
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [*records[:-1], {**records[-1], FACTOR_VERIFIED: True}]


def provider_verified_factor(request: HttpRequest, user: User) -> bool:
    """Whether the current sign-in or session was by a provider that requires a second factor and confirmed it."""
    records = get_authentication_records(request, user)
    came_by = [
        one.get("provider", "") for one in records if one["method"] == "socialaccount" and one.get(FACTOR_VERIFIED)
    ]
    return any(found.asks_second_factor for slug in came_by if (found := provider_registry.find(slug)))


class MfaLoginStage(AuthenticateStage):  # type: ignore[misc]  # allauth has no types
    """For users with a second factor here that the provider did not just verify.

    If the password changes or the account is deactivated between the two steps, the second step is refused.
    """

    def handle(self) -> tuple[HttpResponse | None, bool]:
        response, should_continue = super().handle()
        if response is not None:
            self.state[FIRST_STEP] = self.login.user.get_session_auth_hash()
        return response, should_continue

    def exit(self) -> HttpResponse:
        user = self.login.user
        now = user.get_session_auth_hash() if user is not None and user.is_active else ""
        if not constant_time_compare(self.state.get(FIRST_STEP, "-"), now):
            messages.error(self.request, _("Your account was changed in the meantime. Sign in again."))
            return cast("HttpResponse", self.abort())
        return cast("HttpResponse", super().exit())

    def _should_handle(self, request: HttpRequest) -> bool:
        return super()._should_handle(request) and not provider_verified_factor(request, self.login.user)
