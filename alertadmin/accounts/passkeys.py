"""What a browser says that a passkey answered. Anybody may write it, and its parsers raise what they stumble over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm, LoginWebAuthnForm
from allauth.mfa.webauthn.internal import auth
from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

T = TypeVar("T")


def looked_at(look: Callable[[], T]) -> T:
    """Raises ValidationError, in the same words whatever is wrong."""
    try:
        return look()
    except Exception:  # of struct, of CBOR, of whatever reads past the end
        raise ValidationError(_("The passkey was not accepted. Try again, or use another way.")) from None


def used(user: AbstractBaseUser, answer: Any) -> Authenticator:
    """The person's passkey that gave this answer. Raises ValidationError."""

    def look() -> Authenticator:
        auth.parse_authentication_response(answer)
        return auth.complete_authentication(user, answer)

    return looked_at(look)


class _Careful(forms.Form):
    def clean_credential(self) -> Authenticator:
        return looked_at(super().clean_credential)  # type: ignore[misc]


class SecondStepPasskeyForm(_Careful, AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """After the password."""


class PasskeySignInForm(_Careful, LoginWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """In its stead."""
