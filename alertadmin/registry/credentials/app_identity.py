"""Converts stored rows to the identities that `mailer` gets tokens with. The only module that decrypts secrets for
use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone

from alertadmin.crypto import decryption
from alertadmin.crypto.fields import EncryptedValue
from alertadmin.crypto.keyring import Unreadable
from alertadmin.registry import messages
from alertadmin.registry.models import AppRegistration, Credential, CredentialKind, CredentialState, Mailbox, Tenant
from alertadmin.registry.models.mailbox import other_cloud
from alertadmin.registry.permissions import Resource
from mailer.clouds import Cloud
from mailer.coded_text import CodedError
from mailer.tokens import AppIdentity, ClientCertificate, ClientSecret
from mailer.transports import Login


class SecretUnavailable(CodedError):
    """No usable secret: none is stored, the key is missing, or the value was altered. The message says what to do."""


def in_use(credentials: Iterable[Credential], now: datetime) -> Credential | None:
    """Of an app's credentials the current one, or else the next one if it has started."""
    stored = {credential.state: credential for credential in credentials}
    waiting = stored.get(CredentialState.NEXT)
    return stored.get(CredentialState.CURRENT) or (waiting if waiting and waiting.has_started(now) else None)


def credential_in_use(app: AppRegistration) -> Credential:
    """The app's credential in use: one query unless `credentials` were prefetched. Raises SecretUnavailable."""
    stored = list(app.credentials.all())
    credential = in_use(stored, timezone.now())
    if credential is None:
        waiting = next((one for one in stored if one.state == CredentialState.NEXT), None)
        raise SecretUnavailable(not_started(waiting)) if waiting else no_secret(app)
    return credential


def not_started(credential: Credential) -> str:
    """The coded text for a credential with a start date in the future."""
    return messages.NOT_STARTED % {"secret": credential, "date": f"{credential.starts_at:%Y-%m-%d %H:%M}"}


def no_secret(app: AppRegistration) -> SecretUnavailable:
    return SecretUnavailable(messages.NO_SECRET % {"app": app.name})


def identity_of(credential: Credential, tenant: Tenant) -> AppIdentity:
    """The identity of the credential's app in a tenant of its own cloud. Raises SecretUnavailable, UnknownCloud."""
    cloud = cloud_for(credential.app, tenant)
    if credential.value is None:
        raise SecretUnavailable(messages.NO_VALUE % {"secret": credential})
    value = decrypt_for_use(credential.value)
    proof: ClientSecret | ClientCertificate
    if credential.kind == CredentialKind.CERTIFICATE:
        proof = ClientCertificate(private_key=value, public_certificate=credential.certificate)
    else:
        proof = ClientSecret(value)
    return AppIdentity(cloud, tenant.directory_id, credential.app.client_id, proof)


def cloud_for(app: AppRegistration, tenant: Tenant) -> Cloud:
    """The app's own cloud, the only one that its secrets are sent to. Raises SecretUnavailable, UnknownCloud."""
    if pairing := other_cloud(app, tenant):
        raise SecretUnavailable(pairing)
    return app.tenant.mail_cloud


def login_of(mailbox: Mailbox) -> Login:
    """The login of a mailbox on premises. Raises SecretUnavailable."""
    if mailbox.password is None:
        raise SecretUnavailable(messages.NO_PASSWORD % {"address": mailbox.address})
    return Login(mailbox.username or mailbox.address, decrypt_for_use(mailbox.password), mailbox.login_kind)


def decrypt_for_use(encrypted: EncryptedValue) -> str:
    """Raises SecretUnavailable."""
    try:
        return decryption.decrypt_audited(encrypted)
    except Unreadable as error:
        raise SecretUnavailable(error.message) from None


def scope_of(resource: Resource, cloud: Cloud) -> str:
    return cloud.graph_scope if resource == Resource.GRAPH else cloud.exchange_scope
