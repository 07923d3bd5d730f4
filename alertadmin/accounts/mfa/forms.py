"""TOTP and recovery code forms: throttled, and a TOTP code is accepted once."""

from __future__ import annotations

from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts import throttling


class _ThrottledCodeForm(forms.Form):
    """Throttle allauth's form in the database: allauth counts in a cache that the processes do not share."""

    def clean_code(self) -> str:
        user, code = self.user, str(self.cleaned_data["code"])  # type: ignore[attr-defined]
        guess = throttling.throttle(context.request, user.email, throttling.CODE)
        super().clean_code()  # type: ignore[misc]
        is_totp = self.authenticator.type == Authenticator.Type.TOTP  # type: ignore[attr-defined]
        if is_totp and not throttling.is_first_use(user.pk, code, timezone.now()):
            raise forms.ValidationError(_("This code was already used. Wait until your app shows the next one."))
        guess.reset()
        return code


class SecondStepForm(_ThrottledCodeForm, AuthenticateForm):  # type: ignore[misc]  # allauth has no types
    """Code of a sign-in's second step."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
        help_text=_("Six digits from your authenticator app, or one of your recovery codes."),
        error_messages={"required": _("Enter the code.")},
    )


class ConfirmingCodeForm(_ThrottledCodeForm, ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    """Code of a signed-in user who must reauthenticate."""
