"""Whether somebody has shown a second factor where they signed in."""

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

SHOWN = "second_factor"
FIRST_STEP = "first_step"
"""In the state of the second: a keyed hash of the password that the first was taken with."""


def note_passkey_used(request: HttpRequest, method: str, user: User, **_signal: Any) -> None:
    """Adds what the provider said of the second factor to the session's record of this sign-in."""
    if method == "socialaccount" and getattr(request, "second_factor_shown", False):
        records = get_authentication_records(request, user)
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [*records[:-1], {**records[-1], SHOWN: True}]


def was_shown_elsewhere(request: HttpRequest, user: User) -> bool:
    """Whether the sign-in that is under way, or that this session began with, was by a provider that asks for one, and
    said that it was shown."""
    records = get_authentication_records(request, user)
    came_by = [one.get("provider", "") for one in records if one["method"] == "socialaccount" and one.get(SHOWN)]
    return any(found.asks_second_factor for slug in came_by if (found := provider_registry.find(slug)))


class MfaLoginStage(AuthenticateStage):  # type: ignore[misc]  # allauth has no types
    """Of people who have a second factor here, and have not shown one at their provider just now.

    The first step is worth as much as the password that was given in it: once that is changed, or the account switched
    off, the second leads no further.
    """

    def handle(self) -> tuple[HttpResponse | None, bool]:
        response, goes_on = super().handle()
        if response is not None:
            self.state[FIRST_STEP] = self.login.user.get_session_auth_hash()
        return response, goes_on

    def exit(self) -> HttpResponse:
        user = self.login.user
        now = user.get_session_auth_hash() if user is not None and user.is_active else ""
        if not constant_time_compare(self.state.get(FIRST_STEP, "-"), now):
            messages.error(self.request, _("Your account was changed meanwhile. Sign in again."))
            return cast("HttpResponse", self.abort())
        return cast("HttpResponse", super().exit())

    def _should_handle(self, request: HttpRequest) -> bool:
        return super()._should_handle(request) and not was_shown_elsewhere(request, self.login.user)
