"""Accept an invitation: with a password, by a sign-in provider, or with an existing account."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from alertadmin.accounts.decorators import public
from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import Invitation, proves
from alertadmin.accounts.services import invitations, role_grants
from alertadmin.dashboard.auth.views import start_login
from alertadmin.dashboard.ui.name_field import NameField
from alertadmin.dashboard.ui.time_zone_input import TimeZoneInput


class AcceptForm(forms.ModelForm):  # type: ignore[type-arg]
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 12 characters; a few words in a row work well."),
    )

    class Meta:
        model = User
        fields = ["name", "language", "time_zone"]
        field_classes = {"name": NameField}
        # JavaScript fills in the browser's time zone.
        widgets = {"time_zone": TimeZoneInput({"data-browser-zone": ""})}
        help_texts = {
            "name": gettext_lazy("The name that colleagues see."),
            "language": gettext_lazy("Of pages and of mails to you."),
            "time_zone": gettext_lazy("For example Europe/Paris."),
        }

    def __init__(self, *args: Any, address: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = address

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if password := data.get("password"):
            try:
                validate_password(password, User(email=self.address, name=data.get("name", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return data


@public
@never_cache
@sensitive_post_parameters()
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """A GET, for example by a mail scanner, changes nothing; a POST is accepted once."""
    now = timezone.now()
    invitation = invitations.find(token, now)
    if invitation is None:
        return render(request, "auth/invitation_used.html", status=404)
    if request.user.is_authenticated or invitations.account_of(invitation):
        return _accept_with_account(request, invitation, token, now)
    language = invitation.language or translation.get_language()
    form = AcceptForm(request.POST or None, address=invitation.address, initial={"language": language})
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        try:
            user = invitations.accept(invitation.key, now, proves=proves(token), **data)
        except IntegrityError:
            user = None  # two made the same account at once
        except forms.ValidationError as refused:
            form.add_error(None, refused)
            return _page(request, invitation, token, form=form)
        if user is None:
            return render(request, "auth/invitation_used.html", status=404)
        return start_login(request, user, reverse("overview"))
    return _page(request, invitation, token, form=form)


def _accept_with_account(request: HttpRequest, invitation: Invitation, token: str, now: datetime) -> HttpResponse:
    """An existing account is never taken over by a link: its user signs in and then accepts the roles."""
    user = request.user
    if not isinstance(user, User):
        return _page(request, invitation, token, has_account=True)
    if request.method == "POST" and invitations.account_of(invitation) == user:
        try:
            accepted = invitations.accept(invitation.key, now, proves=proves(token), by=user)
        except forms.ValidationError as refused:
            messages.error(request, refused.messages[0])
            return _page(request, invitation, token)
        if accepted is None:
            return render(request, "auth/invitation_used.html", status=404)
        if role_grants.pending_roles(user, now) is None:
            messages.success(request, _("You now have the roles of the invitation."))
        return redirect("overview")
    return _page(request, invitation, token, is_other=invitations.account_of(invitation) != user)


def _page(request: HttpRequest, invitation: Invitation, token: str, **context: Any) -> HttpResponse:
    roles = invitation.roles.select_related("tenant").order_by("tenant__name", "pk")
    form = context.get("form")
    status = 422 if form is not None and form.errors else 200
    return render(
        request,
        "auth/invitation.html",
        {"invitation": invitation, "token": token, "roles": roles, **context},
        status=status,
    )
