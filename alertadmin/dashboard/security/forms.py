from __future__ import annotations

from typing import Any

from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts import throttling, user_agent
from alertadmin.accounts.mfa import passkeys
from alertadmin.adapters.allauth import generate_totp_secret, validate_totp_code
from alertadmin.crypto.fields import EncryptedValue

PENDING = "authenticator"
ASSOCIATED = "an authenticator app that is being added by {}"


class AuthenticatorForm(forms.Form):
    """Verify that the app has the secret, by a code. Until then the session keeps the secret, encrypted."""

    code = forms.CharField(
        label=gettext_lazy("The code that the app shows now"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        """Raises Unreadable without a usable key file."""
        super().__init__(*args, **kwargs)
        self.user = request.user
        bound = ASSOCIATED.format(request.user.pk).encode()
        if token := request.session.get(PENDING):
            self.secret = EncryptedValue(token, bound).decrypt()
        else:
            self.secret = generate_totp_secret()
            request.session[PENDING] = EncryptedValue.encrypt(self.secret, bound).token

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        if not validate_totp_code(self.secret, code):
            raise ValidationError(
                _("This code is not right. It may have changed in the meantime, or the clocks differ.")
            )
        throttling.is_first_use(self.user.pk, code, timezone.now())
        return code


class PasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    passwordless = None
    credential = passkeys.AnswerField()
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        required=False,
        help_text=gettext_lazy("So that you recognise it, for example “key on my key ring”."),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        name = user_agent.describe_user_agent(request.headers.get("User-Agent", ""))
        super().__init__(*args, user=request.user, initial={"name": name}, **kwargs)

    def clean(self) -> dict[str, Any]:
        return passkeys.parse_response(self._clean)

    def _clean(self) -> dict[str, Any]:
        if not isinstance(self.cleaned_data.get("credential"), dict):
            raise TypeError  # allauth would store a bare `false` and fail at the next sign-in
        passkeys.check_new(self.cleaned_data["credential"])
        return dict(super().clean())
