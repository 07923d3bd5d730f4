from __future__ import annotations

import base64
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from alertadmin import audit
from alertadmin.accounts import sessions
from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import login_only, require_right
from alertadmin.accounts.mfa import enforcement
from alertadmin.accounts.models.mfa_policy import MfaPolicy
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.adapters.allauth import (
    activate_totp,
    add_passkey,
    begin_passkey_registration,
    can_generate_recovery_codes,
    delete_and_cleanup,
    generate_recovery_codes,
)
from alertadmin.crypto import keyring
from alertadmin.dashboard.security.forms import PENDING, AuthenticatorForm, PasskeyForm
from alertadmin.stored_messages import render_error

SecurityView = Callable[..., HttpResponse]


def post_only(view: SecurityView) -> SecurityView:
    """POST only; a GET redirects to the page with the button."""

    @wraps(view)
    def posted(request: HttpRequest, **key: int) -> HttpResponse:
        return view(request, **key) if request.method == "POST" else redirect("security")

    return posted


@login_only
def security(request: HttpRequest) -> HttpResponse:
    """The user's login methods and sessions."""
    mine = list(_authenticators(request).order_by("created_at"))
    codes = next((one for one in mine if one.type == Authenticator.Type.RECOVERY_CODES), None)
    context = {
        "authenticator": next((one for one in mine if one.type == Authenticator.Type.TOTP), None),
        "passkeys": [one for one in mine if one.type == Authenticator.Type.WEBAUTHN],
        "codes": codes,
        "codes_left": _codes_left(codes),
        "sessions": sessions.sessions_of(request.user),  # type: ignore[arg-type] # signed in, by the middleware
        "links": SocialAccount.objects.filter(user=request.user),
        "needs_second_factor": enforcement.must_add_factor(request),
        "may_govern": access_of(request).in_all_tenants(Right.GOVERN),
        "has_password": request.user.has_usable_password(),  # type: ignore[union-attr]
        "session_key": request.session.session_key,
    }
    return render(request, "security/security.html", context)


@login_only
def factor_offer(request: HttpRequest) -> HttpResponse:
    """Offer a second factor at the first sign-in, if one is required. "Later" leads to `?next=`, a page of this
    site."""
    to = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(to, {request.get_host()}, require_https=request.is_secure()):
        to = reverse("overview")
    due = enforcement.due_at(request)
    if due is None or enforcement.must_add_factor(request):
        return redirect(to)  # none is required, or it is overdue: then the middleware redirects, without "later"
    return render(request, "security/offer.html", {"due": due, "to": to})


def _codes_left(codes: Authenticator | None) -> int | None:
    """Number of unused recovery codes; None without recovery codes. None of a row that cannot be read is left."""
    if codes is None:
        return None
    used = codes.data.get("used_mask") if isinstance(codes.data, dict) else None
    return int(app_settings.RECOVERY_CODE_COUNT) - used.bit_count() if isinstance(used, int) else 0


@login_only
@never_cache
@recently_confirmed()
@sensitive_variables("form")
def authenticator_add(request: HttpRequest) -> HttpResponse:
    if _authenticators(request).filter(type=Authenticator.Type.TOTP).exists():
        return redirect("security")
    try:
        form = AuthenticatorForm(request.POST or None, request=request)
        if form.is_bound and form.is_valid():
            with transaction.atomic():
                added = activate_totp(request, form)
                audit.record(audit.AuditAction.FACTOR_ADDED, added[0], kind="totp")
            return _show_codes(request, *added)
    except keyring.Unreadable as error:
        request.session.pop(PENDING, None)
        return _redirect_with_error(request, render_error(error))
    except ValidationError as error:
        return _redirect_with_error(request, error.messages[0])
    address = get_adapter().build_totp_url(request.user, form.secret)
    picture = base64.b64encode(get_adapter().build_totp_svg(address).encode()).decode()
    context = {"form": form, "secret": form.secret, "picture": f"data:image/svg+xml;base64,{picture}"}
    return render(request, "security/authenticator_add.html", context, status=422 if form.errors else 200)


@login_only
@never_cache
@recently_confirmed()
def passkey_add(request: HttpRequest) -> HttpResponse:
    form: Any = PasskeyForm(request.POST or None, request=request)
    if form.is_bound and form.is_valid():
        try:
            with transaction.atomic():
                added = add_passkey(request, form.cleaned_data["name"], form.cleaned_data["credential"])
                audit.record(audit.AuditAction.FACTOR_ADDED, added[0], kind="webauthn")
        except ValidationError as error:
            return _redirect_with_error(request, error.messages[0])
        return _show_codes(request, *added)
    options = begin_passkey_registration(request.user, False)
    # A discoverable passkey signs in by itself; a key without storage is still a second factor.
    options["publicKey"]["authenticatorSelection"]["residentKey"] = "preferred"
    context = {"form": form, "passkey": options}
    return render(request, "security/passkey_add.html", context, status=422 if form.errors else 200)


@login_only
@post_only
@recently_confirmed()
def factor_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove an app or a passkey. With the last one the recovery codes are deleted too."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    with transaction.atomic():
        factor = get_object_or_404(_authenticators(request), pk=pk, type__in=kinds)
        subject = audit.AuditTarget.of(factor)
        delete_and_cleanup(request, factor)
        audit.record(audit.AuditAction.FACTOR_REMOVED, subject, kind=factor.type)
    messages.success(request, _("It can no longer be used to sign in."))
    return redirect("security")


@login_only
@post_only
@never_cache
@recently_confirmed()
def recovery_codes_make(request: HttpRequest) -> HttpResponse:
    """Generate new recovery codes; the old ones become invalid."""
    if not can_generate_recovery_codes(request.user):
        return redirect("security")
    try:
        with transaction.atomic():
            made = generate_recovery_codes(request)
            audit.record(audit.AuditAction.FACTOR_ADDED, made, kind="recovery_codes")
        return _show_codes(request, None, made)
    except ValidationError as error:
        return _redirect_with_error(request, error.messages[0])


@login_only
@post_only
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    with transaction.atomic():
        session = get_object_or_404(UserSession, pk=pk, user=request.user)
        session.end()
        audit.record(audit.AuditAction.SESSION_REVOKED, request.user, count=1)  # type: ignore[arg-type]
    messages.success(request, _("That session is signed out."))
    return redirect("security")


@login_only
@post_only
def sessions_end(request: HttpRequest) -> HttpResponse:
    """End all other sessions."""
    with transaction.atomic():
        ended = sessions.end_all(request.user, but=request.session.session_key)  # type: ignore[arg-type]
        audit.record(audit.AuditAction.SESSION_REVOKED, request.user, count=ended)  # type: ignore[arg-type]
    messages.success(
        request,
        ngettext("%(count)d session is signed out.", "%(count)d sessions are signed out.", ended) % {"count": ended},
    )
    return redirect("security")


class MfaPolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = MfaPolicy
        fields = ["second_factor"]
        widgets = {"second_factor": forms.RadioSelect}


@require_right(Right.GOVERN, in_all_tenants=True)
@recently_confirmed()
def sign_in_demand(request: HttpRequest) -> HttpResponse:
    """Edit the MFA policy; it applies from each user's next request."""
    demand = MfaPolicy.of_now()
    form = MfaPolicyForm(request.POST or None, instance=demand)
    if form.is_bound and form.is_valid():
        with audit.record_change(audit.AuditAction.SIGN_IN_DEMAND_CHANGED, demand):
            form.save()
        messages.success(request, _("Saved."))
        return redirect("sign-in-demand")
    return render(request, "security/mfa_policy.html", {"form": form}, status=422 if form.errors else 200)


@sensitive_variables("codes", "text")
def _show_codes(request: HttpRequest, added: Authenticator | None, made: Authenticator | None) -> HttpResponse:
    """Show new recovery codes in this response only: neither the session nor another page keeps them."""
    request.session.pop(PENDING, None)
    if added is not None:
        messages.success(request, _("It is required from the next sign-in."))
    if made is None:
        return redirect("security")
    codes = made.wrap().get_unused_codes()
    text = base64.b64encode("\n".join(codes).encode() + b"\n").decode()
    context = {"codes": codes, "file": f"data:text/plain;base64,{text}"}
    return render(request, "security/recovery_codes.html", context)


def _redirect_with_error(request: HttpRequest, why: str) -> HttpResponse:
    messages.error(request, why)
    return redirect("security")


def _authenticators(request: HttpRequest) -> QuerySet[Authenticator]:
    mine: QuerySet[Authenticator] = Authenticator.objects.filter(user=request.user)
    return mine
