from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from alertadmin import audit
from alertadmin.accounts import address_proof, password_reset, sessions, throttling
from alertadmin.accounts.decorators import login_only, public
from alertadmin.accounts.email_address import EmailAddressInput
from alertadmin.accounts.models import User
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.services import role_grants
from alertadmin.outbox.mails import password_reset as mails_password_reset
from alertadmin.reminders.calendar import revocation


class ChangedMeanwhile(Exception):
    """The password was changed or the account deactivated since the page or link was checked."""


class PasswordForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("New password"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 12 characters; a few words in a row work well."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        validate_password(password, self.user)
        return password

    def save(self, method: str) -> None:
        """Save the password and end all sessions. `method` "link" is a reset: calendar feeds are revoked too
        (reminders.calendar.revocation), and the mailed link proves the address. Raises ChangedMeanwhile: of two
        concurrent changes one succeeds."""
        with transaction.atomic():
            locked = User.objects.select_for_update().filter(pk=self.user.pk, is_active=True)
            if locked.values_list("password", flat=True).first() != self.user.password:
                raise ChangedMeanwhile
            self.user.set_password(self.cleaned_data["password"])
            self.user.save(update_fields=["password"])
            if method == "link" and not address_proof.has_other_login_methods(self.user):
                role_grants.prove(self.user, timezone.now(), method="new password")
            sessions.end_all(self.user)
            audit.record(audit.AuditAction.PASSWORD_CHANGED, self.user, by=self.user, method=method)


@login_only
@never_cache
@sensitive_post_parameters("password")
@recently_confirmed()
def change(request: HttpRequest) -> HttpResponse:
    user = request.user
    if not isinstance(user, User) or not user.has_usable_password():
        raise Http404  # the account signs in by a provider only
    form = PasswordForm(request.POST or None, user=user)
    if form.is_bound and form.is_valid():
        request.session.cycle_key()  # this session must not end with the others
        try:
            form.save("page")
        except ChangedMeanwhile:
            messages.error(request, _("Your account was changed in the meantime. Sign in again."))
            return redirect("security")
        update_session_auth_hash(request, user)
        messages.success(request, _("Your password is changed. All your other sessions are signed out."))
        if "calendars" in request.POST and revocation.revoke(revocation.active_feeds(user), timezone.now()):
            messages.success(request, _("Your calendars’ addresses no longer work."))
        return redirect("security")
    context = {"form": form, "feeds": revocation.active_feeds(user)}
    return render(request, "passwords/change.html", context, status=422 if form.errors else 200)


@public
@never_cache
@sensitive_post_parameters("password")
def new_password(request: HttpRequest, token: str) -> HttpResponse:
    """Choose a password by a reset link. It does not sign the user in: the second factor is still required."""
    user = password_reset.find(token)
    if user is None:
        return render(request, "passwords/link_used.html", status=404)
    form = PasswordForm(request.POST or None, user=user)
    if form.is_bound and form.is_valid():
        had_feeds = bool(revocation.active_feeds(user))
        try:
            form.save("link")
        except ChangedMeanwhile:
            return render(request, "passwords/link_used.html", status=404)
        messages.success(request, _("Your password is changed. Sign in with it."))
        if had_feeds:
            messages.success(
                request,
                _(
                    "The addresses of your calendars were revoked with the old password: create new "
                    "ones where you need them."
                ),
            )
        return redirect("sign-in")
    context = {"form": form, "address": user.email}
    return render(request, "passwords/new.html", context, status=422 if form.errors else 200)


class ForgottenForm(forms.Form):
    email = EmailAddressInput(
        label=gettext_lazy("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )


@public
@never_cache
def forgotten(request: HttpRequest) -> HttpResponse:
    """Response and side effects are the same for every address; the account is looked up when the mail is composed."""
    form = ForgottenForm(request.POST or None)
    if form.is_bound and form.is_valid():
        address = form.cleaned_data["email"]
        now = timezone.now()
        try:
            throttling.throttle(request, address, throttling.PASSWORD_RESET, now)
        except throttling.Throttled:
            pass  # the page must not reveal it
        else:
            mails_password_reset.send_reset_link(address, now)
        return render(request, "passwords/asked.html", {"address": address})
    return render(request, "passwords/forgotten.html", {"form": form}, status=422 if form.errors else 200)
