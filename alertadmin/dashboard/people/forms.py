from __future__ import annotations

from typing import Any

from allauth.mfa.base.forms import AuthenticateForm
from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.models import User
from alertadmin.dashboard.zones import ZoneInput
from alertadmin.registry import keyring
from alertadmin.retelling import retold


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": _("This e-mail address and password do not belong together. Mind upper and lower case."),
    }

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
        try:
            return str(super().clean_code())
        except keyring.Unreadable as error:
            raise forms.ValidationError(retold(str(error))) from None


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
