"""What a browser says that a passkey answered. Anybody may write it, and its parsers raise what they stumble over.

django-allauth keeps one challenge for a session and asks for a PIN or fingerprint by what it remembers of it, takes an
answer for every domain below ours, and counts nothing. So three things more are held here, of WebAuthn Level 3:
an answer is for the very origin of our pages (7.2, step 12); in the password's stead it says that the person was
verified, no matter which page the challenge came from (step 17); and its counter goes on from the last one (step 22).
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
COUNT = "sign_count"
"""In the data of an authenticator: the counter of its last answer."""
DEFAULT_PORTS = {"https": 443, "http": 80}


LONGEST_ANSWER = 100_000
"""Characters; a passkey's answer with a certificate of its maker has some thousands."""


class ClonedPasskey(ValueError):
    """The counter did not go on: there may be a second key with the same secret."""


def parse_response(look: Callable[[], T]) -> T:
    """Raises ValidationError, in the same words whatever is wrong."""
    try:
        return look()
    except Exception:  # of struct, of CBOR, of whatever reads past the end
        raise ValidationError(_("The passkey was not accepted. Try again, or use another way.")) from None


class AnswerField(forms.JSONField):
    """An answer that any program may have written: what no parser gets through is no answer, and is not repeated on the
    page."""

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
    """The person's passkey that gave this answer. Raises ValidationError."""

    def complete() -> Authenticator:
        parse_passkey_response(answer)
        return complete_passkey_authentication(user, answer)

    return parse_response(lambda: _checked(answer, complete))


def check_new(answer: Any) -> None:
    """Raises ValueError and others for a passkey that was made for another origin."""
    _check_origin(RegistrationResponse.from_dict(answer).response.client_data.origin)


def _checked(answer: Any, complete: Callable[[], Authenticator], *, by_itself: bool = False) -> Authenticator:
    """`by_itself`: there is no password beside it. Raises ValueError and others."""
    said = AuthenticationResponse.from_dict(answer).response
    _check_origin(said.client_data.origin)
    if by_itself and not said.authenticator_data.is_user_verified():
        raise ValueError("Neither PIN nor fingerprint was asked for.")
    authenticator = complete()
    try:
        _count(authenticator, said.authenticator_data.counter)
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
    """Raises ValueError for any but that of this request's own page or of the configured address."""
    public, request = urlsplit(settings.PUBLIC_URL), context.request
    port = "" if public.port in (None, DEFAULT_PORTS.get(public.scheme)) else f":{public.port}"
    ours = {f"{public.scheme}://{ascii_host(public.hostname or '')}{port}", f"{request.scheme}://{request.get_host()}"}
    if said not in ours:
        raise ValueError("The answer is for another origin.")


def _count(authenticator: Authenticator, count: int) -> None:
    """Notes the counter. Passkeys that are synced between devices always say 0. Raises ClonedPasskey."""
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
        before = row.data.get(COUNT, row.wrap().authenticator_data.counter)
        if (count or before) and count <= before:
            raise ClonedPasskey
        row.data[COUNT] = count
        row.save(update_fields=["data"])
    authenticator.data = row.data


class _Careful(forms.Form):
    credential = AnswerField()
    by_itself = False

    def clean_credential(self) -> Authenticator:
        answer, complete = self.cleaned_data["credential"], super().clean_credential  # type: ignore[misc]
        return parse_response(lambda: _checked(answer, complete, by_itself=self.by_itself))


class SecondStepPasskeyForm(_Careful, AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """After the password."""


class PasskeySignInForm(_Careful, LoginWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """In its stead."""

    by_itself = True
