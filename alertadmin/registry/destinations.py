"""Where each stored secret may be sent: what its encryption is bound to, beside its row (`fields.EncryptedField`).

A destination is a tuple of texts: its kind, the name that the operator gave the place, the place's URL as the clouds
file has it now, then what says as whom it is used there. A value that was sealed for one destination does not open for
another, whichever form, import or SQL statement changed the row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alertadmin.registry.clouds import known_cloud, servers
from mailer.email_address import canonical

if TYPE_CHECKING:
    from alertadmin.registry.models import AppRegistration, Credential, DeviceCodeFlow, Mailbox, MfaSecret

ENTRA = "entra"
EXCHANGE = "exchange"
Destination = tuple[str, ...]


def of_credential(credential: Credential) -> Destination:
    """A client secret, or a certificate's key: the app's own cloud and directory, and its client id."""
    return (*_authority(credential.app), credential.app.tenant.directory_id, credential.app.client_id)


def of_password(mailbox: Mailbox) -> Destination:
    """A login on premises: the server, the login and how it is shown to the server (Basic shows it in clear)."""
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
    """A personal account's sign-in: the cloud and client id of its app, and the account."""
    if mailbox.app is None:
        return (ENTRA, "", "", "", canonical(mailbox.address))
    return (*_authority(mailbox.app), mailbox.app.client_id, canonical(mailbox.address))


def of_device_code(sign_in: DeviceCodeFlow) -> Destination:
    return of_refresh_token(sign_in.mailbox)


def of_factor(secret: MfaSecret) -> Destination:
    """Whom it proves."""
    return ("person", str(secret.person_id))


def of_signing_key(channel: Any) -> Destination:
    """A webhook's: the address. Raises Unreadable if that does not open. (Channel is of a higher layer.)"""
    return ("channel", channel.address.decrypt() if channel.address else "")


def _authority(app: AppRegistration) -> Destination:
    cloud = known_cloud(app.tenant.cloud)
    return (ENTRA, app.tenant.cloud, cloud.authority if cloud else "")


def moved(destination: Destination, slug: str, former: str) -> Destination:
    """The same while the URL of the cloud or server `slug` was `former`."""
    kind, *rest = destination
    if kind in (ENTRA, EXCHANGE) and rest[0] == slug:
        return (kind, slug, former, *rest[2:])
    return destination
