"""Audit actor, session, login, MFA, authorisation and locale middleware, in this order."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils import timezone, translation
from django_htmx.http import HttpResponseClientRedirect

from alertadmin import audit
from alertadmin.accounts import sessions, uncounted_proxy
from alertadmin.accounts.access import access_of
from alertadmin.accounts.client_ip import client_ip
from alertadmin.accounts.decorators import access_declaration
from alertadmin.accounts.mfa import enforcement
from alertadmin.accounts.models import User
from alertadmin.accounts.oidc import group_role_expiry
from alertadmin.audit.actor import ANONYMOUS, Actor, acting_as
from alertadmin.operator_log.context import request_id

logger = logging.getLogger(__name__)


class ActorMiddleware:
    """Set the audit actor of the request: the signed-in user at the time of the action, or anonymous."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def person() -> User | None:
            return request.user if isinstance(request.user, User) else None

        uncounted_proxy.observe(request)
        came = Actor(ANONYMOUS, address=client_ip(request), request=audit_id(request_id()), get_person=person)
        with acting_as(came):
            return self.get_response(request)


def audit_id(request_id: str) -> str:
    """The request id as stored in the audit trail: the log's id without dashes, 32 characters."""
    return request_id.replace("-", "")[:32] or secrets.token_hex(8)


class SessionMiddleware:
    """End an expired session before other code reads `request.user`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and not sessions.is_current(request, timezone.now()):
            request.session.flush()
            request.user = AnonymousUser()
        return self.get_response(request)


class SignInMiddleware(LoginRequiredMiddleware):
    """Redirect anonymous requests to the sign-in page, and back afterwards.

    After a form the user returns to the page that held it, not to the form's action; `lost=1` makes the sign-in page
    say that nothing was saved. An htmx request gets a client-side redirect, since its response would be swapped into
    the page.
    """

    def handle_no_permission(self, request: HttpRequest, view_func: Callable[..., Any]) -> HttpResponse:  # type: ignore[override]
        is_htmx = bool(getattr(request, "htmx", False))
        if request.method in ("GET", "HEAD") and not is_htmx:
            return super().handle_no_permission(request, view_func)
        query = QueryDict(mutable=True)
        if page := page_of(request):
            query["next"] = page
        if request.method not in ("GET", "HEAD"):
            query["lost"] = "1"
        url = f"{resolve_url(settings.LOGIN_URL)}?{query.urlencode(safe='/')}"
        return HttpResponseClientRedirect(url) if is_htmx else redirect(url)


class SecondFactorMiddleware:
    """Redirect users who must add a second factor to the page where they add it, and allow no other page."""

    FREE = frozenset(
        {"security", "authenticator-add", "passkey-add", "recovery-codes-make", "confirm", "sign-out", "set_language"}
    )

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], _args: tuple[Any, ...], _kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        page = request.resolver_match.url_name if request.resolver_match else ""
        declaration = access_declaration(view_func)
        if page in self.FREE or (declaration is not None and declaration.is_public):
            return None
        if not enforcement.must_add_factor(request):
            return None
        return HttpResponseClientRedirect(reverse("security")) if request.htmx else redirect("security")  # type: ignore[attr-defined]


class AccessMiddleware:
    """Enforce the view's declaration (alertadmin.accounts.decorators) before the view runs.

    Refused requests are audited.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], _args: tuple[Any, ...], view_kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Raises PermissionDenied, or Http404 if the row is invisible to the user. Redirects to the sign-in page users
        whose roles all come from groups with an expired confirmation."""
        declaration = access_declaration(view_func)
        if declaration is None:
            logger.error("The view %s declares no access; every request is refused.", view_func.__qualname__)
            raise PermissionDenied
        right = declaration.right(request.method or "")
        if right is None:
            return None
        access = access_of(request)
        try:
            if declaration.in_all_tenants:
                access.require(right)
            elif declaration.of is not None and access.needs_row(declaration.of, right):
                access.get_or_404(declaration.of, view_kwargs["pk"], right)
            else:
                access.require(right, anywhere=True)
        except (Http404, PermissionDenied):
            if isinstance(request.user, User) and group_role_expiry.all_expired(request.user, timezone.now()):
                return _confirm_groups(request, request.user)
            page = request.resolver_match.url_name if request.resolver_match else ""
            audit.record_refusal(
                audit.AuditAction.ACCESS_REFUSED,
                audit.AuditTarget(object_id=str(view_kwargs.get("pk", ""))),
                result=audit.Result.REFUSED,
                path=page or "",
            )
            raise
        return None


def _confirm_groups(request: HttpRequest, user: User) -> HttpResponse:
    """Sign the user out and redirect to the sign-in page, where the provider's button is."""
    logout(request)
    group_role_expiry.refuse(request, user)
    return HttpResponseClientRedirect(reverse("sign-in")) if request.htmx else redirect("sign-in")  # type: ignore[attr-defined]


def page_of(request: HttpRequest) -> str:
    """The path and query of this site's page that sent the request; empty if unknown."""
    try:
        came_from = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return ""
    if (came_from.scheme, came_from.netloc) != (request.scheme, request.get_host()):
        return ""
    return f"{came_from.path}?{came_from.query}" if came_from.query else came_from.path


class ViewerMiddleware:
    """Activate the user's time zone and language, and forbid caching of signed-in pages.

    Without a language of the user, the one that LocaleMiddleware took from the browser stays active.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return self.get_response(request)
        language = request.user.own_language or translation.get_language() or settings.LANGUAGE_CODE
        request.LANGUAGE_CODE = language
        with timezone.override(request.user.zone), translation.override(language):
            response = self.get_response(request)
        # Set here, because LocaleMiddleware only knows the browser's language.
        response.headers.setdefault("Content-Language", language)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
