"""django-allauth's adapter for second factors. Their secrets are stored encrypted in `MfaSecret` rows, which key
rotation re-encrypts."""

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
from alertadmin.stored_messages import render_error

LOCAL = "localhost"
"""The only host at which browsers allow passkeys without TLS."""


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # it has no types
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _(
            "This code is not right. It may have changed in the meantime: enter the one that is shown now."
        ),
    }

    def encrypt(self, text: str) -> str:
        """Store the secret of a factor that the signed-in user adds, and return the id of its row.

        Raises ValidationError if there is no usable key file.
        """
        secret = MfaSecret(person=context.request.user)
        try:
            secret.value = text
        except keyring.KeyringError as error:
            raise ValidationError(render_error(error)) from None
        secret.save(force_insert=True)
        return str(secret.pk)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises ValidationError if the secret cannot be decrypted. Without the key file no code can be checked;
        passkeys still work."""
        secret = MfaSecret.objects.filter(pk=UUID(encrypted_text)).first()
        try:
            if secret is None or secret.value is None:
                raise Tampered
            return decryption.decrypt_audited(secret.value)
        except keyring.Unreadable as error:
            raise ValidationError(render_error(error)) from None

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """The relying party id: the host of PUBLIC_URL, or localhost if the request came to localhost."""
        host, _port = split_domain_port(context.request.get_host())
        return {"id": host if host == LOCAL else urlsplit(settings.PUBLIC_URL).hostname or LOCAL, "name": "alertadmin"}


def delete_mfa_secrets(*, instance: Authenticator, **_signal: Any) -> None:
    """Delete the secrets of a deleted factor (a `post_delete` receiver)."""
    named = [instance.data[name] for name in ("secret", "seed") if name in instance.data]
    MfaSecret.objects.filter(pk__in=named).delete()
