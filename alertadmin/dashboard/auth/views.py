from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from allauth.account.models import Login
from allauth.mfa.base.views import AuthenticateView
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.forms import Form
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from alertadmin.accounts import reauthentication
from alertadmin.accounts.decorators import login_only, public
from alertadmin.accounts.mfa.passkeys import PasskeySignInForm
from alertadmin.accounts.models import FirstAdministratorLink, User
from alertadmin.adapters.allauth import begin_passkey_authentication, perform_password_login, perform_passwordless_login
from alertadmin.dashboard.auth.forms import FirstAdministratorForm, ProfileForm, SignInForm


class SignOutView(LogoutView):
    """POST only; a GET redirects and does not sign out."""

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect("overview")


class SignInView(LoginView):
    template_name = "auth/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in, or go to the second step."""
        return start_login(self.request, form.get_user(), self.get_success_url())

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        return _throttled_status(super().form_invalid(form), form, "__all__")


def _throttled_status(response: HttpResponse, form: Form, field: str) -> HttpResponse:
    """Set status 429 if throttled; the same for unknown accounts."""
    if form.has_error(field, "throttled"):
        response.status_code = 429
    return response


def start_login(request: HttpRequest, user: AbstractBaseUser, to: str) -> HttpResponse:
    """Sign the user in after the password, through the remaining steps."""
    response: HttpResponse = perform_password_login(request, {}, Login(user=user, redirect_url=to))
    return response


class MfaLoginView(AuthenticateView):  # type: ignore[misc]  # allauth has no types
    """Second step: a code or a passkey, shortly after the password."""

    template_name = "auth/mfa.html"

    def form_invalid(self, form: Form) -> HttpResponse:
        return _throttled_status(super().form_invalid(form), form, "code")


@public
@never_cache
def passkey_sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in by a passkey alone. A GET returns the options for the browser."""
    if request.method != "POST":
        if "application/json" not in request.headers.get("Accept", ""):
            return redirect("sign-in")
        return JsonResponse({"request_options": begin_passkey_authentication()})
    to = request.POST.get("next", "")
    form: Any = PasskeySignInForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("The passkey was not accepted. Try again, or use another method."))
        return redirect(f"{reverse('sign-in')}?{urlencode({'next': to}, safe='/')}" if to else "sign-in")
    used = form.cleaned_data["credential"]
    login = Login(user=used.user, redirect_url=_safe_next(request, to))
    response: HttpResponse = perform_passwordless_login(request, used, login)
    return response


def _safe_next(request: HttpRequest, to: str) -> str:
    """`to` if it is a page of this site, else the overview."""
    is_ours = url_has_allowed_host_and_scheme(to, {request.get_host()}, require_https=request.is_secure())
    return to if is_ours else reverse("overview")


@login_only
@never_cache
@sensitive_post_parameters()
def confirm(request: HttpRequest) -> HttpResponse:
    """Reauthenticate, then go to `?next=`, a page of this site."""
    form = reauthentication.ConfirmForm(request.POST or None, request=request)
    if form.is_bound and form.is_valid():
        return redirect(_safe_next(request, request.GET.get("next", "")))
    return reauthentication.confirmation_page(request, form, request.get_full_path())


@public
@never_cache
@sensitive_post_parameters()
def first_administrator(request: HttpRequest, token: str) -> HttpResponse:
    """The link is valid once, while there is no user."""
    if not FirstAdministratorLink.is_good(token):
        return render(request, "auth/link_used.html", status=404)
    # Chosen in advance: mails cannot ask the browser.
    form = FirstAdministratorForm(request.POST or None, initial={"language": translation.get_language()})
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        user = FirstAdministratorLink.redeem(token, data.pop("email"), data.pop("password"), **data)
        if user is None:
            return render(request, "auth/link_used.html", status=404)
        return start_login(request, user, reverse("overview"))
    return render(request, "auth/first_administrator.html", {"form": form})


@login_only
def profile(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("profile")
    return render(request, "auth/profile.html", {"form": form})
