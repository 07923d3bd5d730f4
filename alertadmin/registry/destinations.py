"""The destination that each stored secret may be sent to. Its encryption is bound to it and to its row
(`crypto.fields.EncryptedField`).

A destination is a tuple of strings: its kind, the slug in the clouds file, the URL that the clouds file has now, and
the identity that the secret is used for there. A value that was encrypted for one destination cannot be decrypted for
another, whichever form, import or SQL statement changed the row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alertadmin.crypto.fields import Destination
from alertadmin.registry.clouds import known_cloud, servers
from mailer.email_address import canonical

if TYPE_CHECKING:
    from alertadmin.registry.models import AppRegistration, Credential, DeviceCodeFlow, Mailbox, MfaSecret
    from alertadmin.registry.models.pending_import import PendingImport

ENTRA = "entra"
EXCHANGE = "exchange"


def of_credential(credential: Credential) -> Destination:
    """Of a client secret or a certificate's key: the app's own cloud and directory, and its client id."""
    return (*_authority(credential.app), credential.app.tenant.directory_id, credential.app.client_id)


def of_password(mailbox: Mailbox) -> Destination:
    """Of a login on premises: the server, the user name and the authentication method (Basic sends the password in
    clear)."""
    server = servers().get(mailbox.server)
    url = server.ews if server else ""
    login = mailbox.username or canonical(mailbox.address)
    return (
        EXCHANGE,
        mailbox.server,
        url,
        mailbox.login_kind,
        login,
        canonical(mailbox.address),
        str(mailbox.tenant_id),
    )


def of_refresh_token(mailbox: Mailbox) -> Destination:
    """Of a personal account's refresh token: the cloud and client id of its app, and the account."""
    if mailbox.app is None:
        return (ENTRA, "", "", "", canonical(mailbox.address))
    return (*_authority(mailbox.app), mailbox.app.client_id, canonical(mailbox.address))


def of_device_code(sign_in: DeviceCodeFlow) -> Destination:
    return of_refresh_token(sign_in.mailbox)


def of_factor(secret: MfaSecret) -> Destination:
    """Of a second factor's secret: the user that it authenticates."""
    return ("person", str(secret.person_id))


def of_upload(pending: PendingImport) -> Destination:
    """Of an uploaded file: the user who may open it."""
    return ("upload", str(pending.person_id))


def of_signing_key(channel: Any) -> Destination:
    """Of a webhook's signing key: its address. Raises Unreadable if the address cannot be decrypted.

    `channel` is an `outbox.models.Channel`, which this layer cannot import.
    """
    return ("channel", channel.address.decrypt() if channel.address else "")


def _authority(app: AppRegistration) -> Destination:
    cloud = known_cloud(app.tenant.cloud)
    return (ENTRA, app.tenant.cloud, cloud.authority if cloud else "")


def with_former_url(destination: Destination, slug: str, former: str) -> Destination:
    """The destination as it was while the URL of the cloud or server `slug` was `former`."""
    kind, *rest = destination
    if kind in (ENTRA, EXCHANGE) and rest[0] == slug:
        return (kind, slug, former, *rest[2:])
    return destination
