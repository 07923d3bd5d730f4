"""Sign-in by a provider: redirect to its page, and the callback."""

from __future__ import annotations

import logging

import requests
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from alertadmin import audit
from alertadmin.accounts.decorators import login_only, public
from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import proves
from alertadmin.accounts.oidc import provider_registry
from alertadmin.accounts.oidc.adapter import proxy_message
from alertadmin.accounts.oidc.client import OidcProtocol, SignInProvider
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.services import invitations
from mailer.http import wire_errors

LOGGER = logging.getLogger(__name__)


@public
@never_cache
def sign_in_with(request: HttpRequest, slug: str) -> HttpResponse:
    """Start a sign-in, with an invitation if one was opened."""
    if provider_registry.find(slug) is None:
        raise Http404
    if request.method != "POST":
        return redirect("sign-in")
    login_state = {}
    if token := request.POST.get("invitation"):
        invitation = invitations.find(token, timezone.now())
        if invitation is None:
            return render(request, "auth/invitation_used.html", status=404)
        login_state["invitation"] = invitation.key
        if proves(token):
            login_state["proves"] = "1"
    return _redirect_to_provider(request, slug, AuthProcess.LOGIN, **login_state)


@login_only
@recently_confirmed("POST")
def connect(request: HttpRequest, slug: str) -> HttpResponse:
    if request.method != "POST" or provider_registry.find(slug) is None:
        return redirect("security")
    return _redirect_to_provider(request, slug, AuthProcess.CONNECT)


@login_only
@recently_confirmed("POST")
def disconnect(request: HttpRequest, pk: int) -> HttpResponse:
    """Unless it is the last login method."""
    if request.method != "POST":
        return redirect("security")
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    with transaction.atomic():
        link = get_object_or_404(SocialAccount.objects.filter(user=request.user), pk=pk)
        if _is_last_login_method(request.user, link):
            messages.error(
                request, _("You have no other sign-in method. Add a passkey or connect another sign-in first.")
            )
            return redirect("security")
        link.delete()
        audit.record(audit.AuditAction.PERSON_UNLINKED, request.user, method=link.provider)
    messages.success(request, _("It can no longer be used to sign in."))
    return redirect("security")


@public
@never_cache
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """The provider's callback, with a code or an error. The issuer in the response must match (RFC 9207)."""
    provider = provider_registry.find(provider_id)
    if provider is None:
        raise Http404
    if request.GET.get("iss", provider.issuer) != provider.issuer:
        LOGGER.warning("An answer of another issuer came back for %s.", provider_id)
        messages.error(request, _("This sign-in was not started here. Start again."))
        return redirect("sign-in")
    try:
        response: HttpResponse = OAuth2CallbackView.adapter_view(OidcProtocol(request, provider_id))(request)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    return response


def _redirect_to_provider(request: HttpRequest, slug: str, process: str, **login_state: str) -> HttpResponse:
    """Render a page that redirects to the provider: a form's response may not redirect to another site
    (form-action)."""
    provider = provider_registry.find(slug)
    if provider is None:
        raise Http404
    to = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(to, {request.get_host()}, require_https=request.is_secure()):
        to = ""
    try:
        address = SignInProvider(request, provider).address(request, process, to, **login_state)
    except (OAuth2Error, requests.RequestException) as error:
        LOGGER.warning("The provider %s cannot be used: %s", slug, error)
        text = (
            proxy_message(provider.label)
            if wire_errors.proxy_error(error)
            else _("%(provider)s does not respond correctly. Try again later.") % {"provider": provider.label}
        )
        messages.error(request, text)
        return redirect("security" if process == AuthProcess.CONNECT else "sign-in")
    return render(request, "auth/oidc_redirect.html", {"provider": provider, "address": address})


def _is_last_login_method(user: User, link: SocialAccount) -> bool:
    others = SocialAccount.objects.filter(user=user).exclude(pk=link.pk).exists()
    passkeys = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).exists()
    return not (others or passkeys or user.has_usable_password())
