"""Validation of WebAuthn responses, which are untrusted input; the parsers raise arbitrary exceptions on bad data.

django-allauth keeps one challenge for a session, decides from it whether to require user verification, accepts any
origin below this domain, and ignores the signature counter. This module adds, after WebAuthn Level 3: the origin must
be the exact origin of these pages (7.2, step 12); a passkey that replaces the password must have verified the user,
whichever page created the challenge (step 17); and the counter must increase (step 22).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm, LoginWebAuthnForm
from django import forms
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext as _
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from alertadmin import audit
from alertadmin.adapters.allauth import complete_passkey_authentication, parse_passkey_response
from mailer.email_address import ascii_host

T = TypeVar("T")
SIGN_COUNT = "sign_count"
"""Key in an authenticator's data: the counter of its last response."""
DEFAULT_PORTS = {"https": 443, "http": 80}


LONGEST_ANSWER = 100_000
"""Characters; a response with an attestation certificate has a few thousand."""


class ClonedPasskey(ValueError):
    """The counter did not increase: a second authenticator may have the same key."""


def parse_response(look: Callable[[], T]) -> T:
    """Call a parser. Raises ValidationError with one message for every error."""
    try:
        return look()
    except Exception:  # struct, CBOR and other parsers raise their own
        raise ValidationError(_("The passkey was not accepted. Try again, or use another method.")) from None


class AnswerField(forms.JSONField):
    """A WebAuthn response. Unparsable input is treated as missing and not echoed on the page."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        return parse_response(lambda: self._parsed(str(value)))

    @staticmethod
    def _parsed(text: str) -> dict[str, Any]:
        if len(text) > LONGEST_ANSWER:
            raise ValueError("No answer is so long.")
        found = json.loads(text)
        if not isinstance(found, dict):
            raise TypeError("An answer is an object.")
        json.dumps(found, ensure_ascii=False).encode()  # halves of surrogate pairs
        return found

    def bound_data(self, data: Any, initial: Any) -> Any:
        return InvalidJSONInput("")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data)


def verify_assertion(user: AbstractBaseUser, answer: Any) -> Authenticator:
    """The user's passkey that signed this response. Raises ValidationError."""

    def complete() -> Authenticator:
        parse_passkey_response(answer)
        return complete_passkey_authentication(user, answer)

    return parse_response(lambda: _checked(answer, complete))


def check_new(answer: Any) -> None:
    """Check the origin of a new passkey. Raises ValueError and parser errors."""
    _check_origin(RegistrationResponse.from_dict(answer).response.client_data.origin)


def _checked(answer: Any, complete: Callable[[], Authenticator], *, by_itself: bool = False) -> Authenticator:
    """`by_itself`: the passkey replaces the password. Raises ValueError and parser errors."""
    said = AuthenticationResponse.from_dict(answer).response
    _check_origin(said.client_data.origin)
    if by_itself and not said.authenticator_data.is_user_verified():
        raise ValueError("Neither PIN nor fingerprint was asked for.")
    authenticator = complete()
    try:
        _store_counter(authenticator, said.authenticator_data.counter)
    except ClonedPasskey:
        audit.record_refusal(
            audit.AuditAction.SESSION_SIGNED_IN,
            authenticator.user,
            result=audit.Result.REFUSED,
            by=authenticator.user,
            method="passkey",
            reason="counter",
        )
        raise
    return authenticator


def _check_origin(said: str) -> None:
    """Raises ValueError unless the origin is this request's or PUBLIC_URL's."""
    public, request = urlsplit(settings.PUBLIC_URL), context.request
    port = "" if public.port in (None, DEFAULT_PORTS.get(public.scheme)) else f":{public.port}"
    ours = {f"{public.scheme}://{ascii_host(public.hostname or '')}{port}", f"{request.scheme}://{request.get_host()}"}
    if said not in ours:
        raise ValueError("The answer is for another origin.")


def _store_counter(authenticator: Authenticator, count: int) -> None:
    """Store the counter. Synced passkeys always report 0. Raises ClonedPasskey."""
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
        before = row.data.get(SIGN_COUNT, row.wrap().authenticator_data.counter)
        if (count or before) and count <= before:
            raise ClonedPasskey
        row.data[SIGN_COUNT] = count
        row.save(update_fields=["data"])
    authenticator.data = row.data


class _CheckedPasskeyForm(forms.Form):
    credential = AnswerField()
    by_itself = False

    def clean_credential(self) -> Authenticator:
        answer, complete = self.cleaned_data["credential"], super().clean_credential  # type: ignore[misc]
        return parse_response(lambda: _checked(answer, complete, by_itself=self.by_itself))


class SecondStepPasskeyForm(_CheckedPasskeyForm, AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """After the password."""


class PasskeySignInForm(_CheckedPasskeyForm, LoginWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """Instead of the password."""

    by_itself = True
