"""Settings of django-allauth's sign-in: no self-registration, and redirects to this project's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts import reauthentication, throttling
from alertadmin.accounts.client_ip import client_ip
from alertadmin.accounts.mfa import enforcement
from alertadmin.accounts.oidc import group_role_expiry
from alertadmin.adapters.allauth import clear_login

if TYPE_CHECKING:
    from alertadmin.accounts.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # it has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_stages(self) -> list[str]:
        """After the password: the second factor, for users who have one."""
        return ["alertadmin.accounts.mfa.login_stage.MfaLoginStage"]

    def is_reauthentication_required(self, *, app: str, **_kwargs: Any) -> bool:
        return not reauthentication.is_recent(self.request)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, str]]:
        return [{"id": "confirm", "url": reverse("confirm")}]

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        messages.error(request, _("This account is disabled. Ask an administrator."))
        return redirect("sign-in")

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_ip(request)

    def pre_login(self, request: HttpRequest, user: User, **how: Any) -> HttpResponse | None:
        """Refuse users whose only roles come from groups that the provider has not confirmed recently."""
        refused: HttpResponse | None = super().pre_login(request, user, **how)
        if refused is None and group_role_expiry.all_expired(user, timezone.now()):
            clear_login(request)
            group_role_expiry.refuse(request, user)
            return redirect("sign-in")
        return refused

    def login(self, request: HttpRequest, user: User) -> None:
        request.is_first_sign_in = user.last_login is None  # type: ignore[attr-defined]
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: User, **how: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **how)
        if enforcement.begin_grace(user, timezone.now()) and isinstance(response, HttpResponseRedirect):
            response = enforcement.offer_redirect(request, response.url) or response
        if not getattr(request, "is_first_sign_in", False) and not throttling.is_known(request, user.email):
            with transaction.atomic():
                audit.record(audit.AuditAction.SESSION_NEW_BROWSER, user, by=user)
        throttling.remember_browser(request, response, user.email)
        return response

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """Drop allauth's templated messages; the pages show their own."""
        if message:
            messages.add_message(request, level, message, extra_tags=extra_tags)
