"""The clouds and Exchange servers of this installation: Microsoft's own clouds and the entries of the operator's
file. The secrets stored for them are bound to their URLs.

A destination is a tuple of strings: its kind, the slug in the clouds file, the URL that the clouds file has now, and
the identity that the secret is used for there. A value that was encrypted for one destination cannot be decrypted for
another, even if a form, an import or an SQL statement changed the row (`crypto.fields.EncryptedField`).
"""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from alertadmin.crypto.fields import Destination
from alertadmin.registry import messages
from mailer.clouds import Cloud, Server
from mailer.clouds_config import CloudsFile, read_clouds_file
from mailer.coded_text import CodedError
from mailer.email_address import canonical

if TYPE_CHECKING:
    from alertadmin.registry.models import AppRegistration, Credential, Mailbox

ENTRA = "entra"
EXCHANGE = "exchange"
"""Kinds of a destination; stored in its digest."""

log = logging.getLogger(__name__)


class UnknownName(CodedError, LookupError):
    """A row names something that this version, or a file of the operator, does not have."""


class UnknownCloud(UnknownName):
    """A row names a cloud, or an Exchange server, that the operator's file no longer has."""

    def __init__(self, slug: str) -> None:
        super().__init__(messages.UNKNOWN_CLOUD % {"cloud": slug})


def clouds() -> dict[str, Cloud]:
    """All clouds by slug. Invalid entries of the file are left out."""
    return _file().clouds


def servers() -> dict[str, Server]:
    """All Exchange servers on premises by slug. Invalid entries of the file are left out."""
    return _file().servers


def file_errors() -> tuple[str, ...]:
    """One English sentence for each invalid entry, or for the whole file."""
    return _file().errors


def _file() -> CloudsFile:
    """The file as it is now. It is read again when it changed, so that a correction needs no restart."""
    path: Path | None = settings.ENVIRONMENT.clouds_file
    try:
        modified = path.stat().st_mtime_ns if path else 0
    except OSError:
        modified = 0
    return _read(path, modified)


@lru_cache(maxsize=2)
def _read(path: Path | None, modified: int) -> CloudsFile:
    found = read_clouds_file(path)
    for error in found.errors:
        log.error("%s", error)
    return found


def cloud_of(slug: str) -> Cloud:
    """Raises UnknownCloud."""
    try:
        return clouds()[slug]
    except KeyError:
        raise UnknownCloud(slug) from None


def known_cloud(slug: str) -> Cloud | None:
    """The cloud, or None if the file no longer has it: for callers that need no endpoint of it."""
    return clouds().get(slug)


def server_of(slug: str) -> Server:
    """Raises UnknownCloud."""
    try:
        return servers()[slug]
    except KeyError:
        raise UnknownCloud(slug) from None


def cloud_choices() -> list[tuple[str, str]]:
    return [(cloud.slug, cloud.label) for cloud in clouds().values()]


def server_choices() -> list[tuple[str, str]]:
    return [(server.slug, server.label) for server in servers().values()]


def credential_destination(credential: Credential) -> Destination:
    """The destination of a client secret or a certificate's key: the app's own cloud, its directory and client id."""
    return (*_authority(credential.app), credential.app.tenant.directory_id, credential.app.client_id)


def password_destination(mailbox: Mailbox) -> Destination:
    """The destination of a login on premises: the server, the user name and the authentication method (Basic sends
    the password in clear)."""
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


def refresh_token_destination(mailbox: Mailbox) -> Destination:
    """The destination of a personal account's refresh token: the cloud and client id of its app, and the account."""
    if mailbox.app is None:
        return (ENTRA, "", "", "", canonical(mailbox.address))
    return (*_authority(mailbox.app), mailbox.app.client_id, canonical(mailbox.address))


def _authority(app: AppRegistration) -> Destination:
    cloud = known_cloud(app.tenant.cloud)
    return (ENTRA, app.tenant.cloud, cloud.authority if cloud else "")


def with_former_url(destination: Destination, slug: str, former: str) -> Destination:
    """The destination as it was while the URL of the cloud or server `slug` was `former`."""
    kind, *rest = destination
    if kind in (ENTRA, EXCHANGE) and rest[0] == slug:
        return (kind, slug, former, *rest[2:])
    return destination
