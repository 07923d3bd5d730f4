"""Second factors as django-allauth keeps them, but for their secrets: those are sealed, in rows that rotation finds."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http.request import split_domain_port
from django.utils.translation import gettext_lazy as _

from alertadmin.crypto import decryption, keyring
from alertadmin.crypto.fields import Tampered
from alertadmin.registry.models import MfaSecret
from alertadmin.stored_messages import render_stored

LOCAL = "localhost"
"""The one name without TLS that browsers let passkeys be used at."""


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # it has no types
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("This code is not right. It may have changed meanwhile: enter the one that is shown now."),
    }

    def encrypt(self, text: str) -> str:
        """Where the secret of a factor that the signed-in person adds was stored. Raises ValidationError, in words."""
        secret = MfaSecret(person=context.request.user)
        try:
            secret.value = text
        except keyring.KeyringError as error:
            raise ValidationError(render_stored(str(error))) from None
        secret.save(force_insert=True)
        return str(secret.pk)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises ValidationError, in words: without the key file nobody's code can be looked at, but passkeys work."""
        secret = MfaSecret.objects.filter(pk=UUID(encrypted_text)).first()
        try:
            if secret is None or secret.value is None:
                raise Tampered
            return decryption.decrypt_audited(secret.value)
        except keyring.Unreadable as error:
            raise ValidationError(render_stored(str(error))) from None

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Passkeys belong to the host that people reach this installation by; beside it only to localhost."""
        host, _port = split_domain_port(context.request.get_host())
        return {"id": host if host == LOCAL else urlsplit(settings.PUBLIC_URL).hostname or LOCAL, "name": "alertadmin"}


def forget(*, instance: Authenticator, **_signal: Any) -> None:
    """A factor that was taken away leaves no secret behind."""
    named = [instance.data[name] for name in ("secret", "seed") if name in instance.data]
    MfaSecret.objects.filter(pk__in=named).delete()
