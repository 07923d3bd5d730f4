from __future__ import annotations

from typing import Any

from allauth.core import context
from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from alertadmin import audit
from alertadmin.accounts import throttling
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction
from alertadmin.dashboard.ui.name_field import NameField
from alertadmin.dashboard.ui.time_zone_input import TimeZoneInput
from mailer.pasted_address import canonical_pasted


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": _("This e-mail address and password do not match. Check upper and lower case."),
    }

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if not (data.get("username") and data.get("password")):
            return data
        # Counted before the password is checked, so that concurrent tries cannot exceed the limit.
        guess = throttling.throttle(context.request, data["username"])
        super().clean()
        guess.reset()
        return data

    def clean_username(self) -> str:
        return canonical_pasted(str(self.cleaned_data["username"]))


class FirstAdministratorForm(forms.ModelForm):  # type: ignore[type-arg]
    password = forms.CharField(
        label=_("Password"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 12 characters; a few words in a row work well."),
    )

    class Meta:
        model = User
        fields = ["email", "name", "language", "time_zone"]
        field_classes = {"name": NameField}
        # JavaScript fills in the browser's time zone.
        widgets = {"time_zone": TimeZoneInput({"data-browser-zone": ""})}
        help_texts = {
            "name": _("The name that colleagues see."),
            "language": _("Of pages and of mails to you."),
            "time_zone": _("For example Europe/Paris."),
        }

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
        field_classes = {"name": NameField}
        widgets = {"time_zone": TimeZoneInput}
        help_texts = {"language": _("Of pages and of mails to you."), "time_zone": _("For example Europe/Paris.")}

    def save(self, commit: bool = True) -> User:
        """Save these fields only: saving the whole row could undo a concurrent deactivation or password change."""
        with audit.record_change(AuditAction.PERSON_CHANGED, self.instance):
            self.instance.save(update_fields=self.Meta.fields)
        return self.instance  # type: ignore[no-any-return]
