from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts import guessing
from alertadmin.accounts.models import User
from alertadmin.dashboard.zones import ZoneInput
from alertadmin.registry import keyring
from alertadmin.retelling import retold


def checked_code(form: AuthenticateForm, look: Callable[[], Any]) -> str:
    """The code, if `look` finds it right: it is guessed a few times at most, and a right one is good once."""
    request, user, code = context.request, form.user, str(form.cleaned_data["code"])
    guess = guessing.guess(request, user.email, guessing.CODE)
    try:
        look()
    except keyring.Unreadable as error:
        raise forms.ValidationError(retold(str(error))) from None
    if form.authenticator.type == Authenticator.Type.TOTP and not guessing.is_first_use(user.pk, code, timezone.now()):
        raise forms.ValidationError(_("This code was used already. Wait until your app shows the next one."))
    guess.was_right()
    return code


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": _("This e-mail address and password do not belong together. Mind upper and lower case."),
    }

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not (data.get("username") and data.get("password")):
            return data
        # Taken before the password is looked at: of however many at once, no more are looked at than may be.
        guess = guessing.guess(context.request, data["username"])
        super().clean()
        guess.was_right()
        return data

    def clean_username(self) -> str:
        return User.objects.normalize_email(str(self.cleaned_data["username"]).strip())


class SecondStepForm(AuthenticateForm):  # type: ignore[misc]  # allauth has no types
    """A code of the person's app, or one of their recovery codes."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
        help_text=_("Six digits from your authenticator app, or one of your recovery codes."),
        error_messages={"required": _("Enter the code.")},
    )

    def clean_code(self) -> str:
        return checked_code(self, super().clean_code)


class FirstAdministratorForm(forms.ModelForm):  # type: ignore[type-arg]
    password = forms.CharField(
        label=_("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 12 characters; a few words in a row are good."),
    )

    class Meta:
        model = User
        fields = ["email", "name", "time_zone"]
        # The page fills in the browser's own zone.
        widgets = {"time_zone": ZoneInput({"data-browser-zone": ""})}
        help_texts = {"name": _("As colleagues see you."), "time_zone": _("Such as Europe/Paris.")}

    def clean_email(self) -> str:
        return User.objects.normalize_email(self.cleaned_data["email"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if password := data.get("password"):
            try:
                validate_password(password, User(email=data.get("email", ""), name=data.get("name", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return data


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["name", "language", "time_zone"]
        widgets = {"time_zone": ZoneInput}
        help_texts = {"language": _("Of pages, and of mails to you."), "time_zone": _("Such as Europe/Paris.")}
