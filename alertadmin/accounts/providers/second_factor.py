"""Whether somebody has shown a second factor where they signed in."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY, get_authentication_records
from allauth.mfa.stages import AuthenticateStage
from django.http import HttpRequest

from alertadmin.accounts.models import User
from alertadmin.accounts.providers import known

SHOWN = "second_factor"


def note(request: HttpRequest, method: str, user: User, **_signal: Any) -> None:
    """Adds what the provider said of the second factor to the session's record of this sign-in."""
    if method == "socialaccount" and getattr(request, "second_factor_shown", False):
        records = get_authentication_records(request, user)
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [*records[:-1], {**records[-1], SHOWN: True}]


def was_shown_elsewhere(request: HttpRequest, user: User) -> bool:
    """Whether the sign-in that is under way, or that this session began with, was by a provider that asks for one, and
    said that it was shown."""
    records = get_authentication_records(request, user)
    came_by = [one.get("provider", "") for one in records if one["method"] == "socialaccount" and one.get(SHOWN)]
    return any(found.asks_second_factor for slug in came_by if (found := known.find(slug)))


class SecondStep(AuthenticateStage):  # type: ignore[misc]  # allauth has no types
    """Of whoever has a second factor here, and has not shown one at their provider just now."""

    def _should_handle(self, request: HttpRequest) -> bool:
        return super()._should_handle(request) and not was_shown_elsewhere(request, self.login.user)
