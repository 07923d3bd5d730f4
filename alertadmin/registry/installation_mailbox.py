"""The installation's mailbox: the one that an owner chose (`Mailbox.sends_reminders`).

It sends the links that grant access, so a user who may choose, change or delete it can read them. With a single tenant
no choice is needed: its first mailbox is used, also when others are added later and when it cannot send. If the next
one replaced it on failure, a user who may add mailboxes could take over by breaking the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alertadmin.registry.models import Mailbox, Tenant
from alertadmin.registry.models.mailbox import of_the_installation


def installation_mailbox() -> Mailbox | None:
    """None if there are several tenants and no mailbox was chosen, or if there is no mailbox."""
    mailboxes = Mailbox.objects.select_related("app__tenant", "tenant").prefetch_related("app__credentials")
    return mailboxes.filter(of_the_installation()).first()


def has_several_tenants() -> bool:
    return Tenant.objects.order_by()[1:2].exists()


@dataclass(frozen=True)
class InstallationSender:
    """A snapshot of the installation's mailbox, its app and its credential. Comparing two snapshots shows whether the
    installation's sender changed or can no longer send."""

    label: str = ""
    """The mailbox's address; empty if there is none."""
    mailbox: tuple[Any, ...] = ()
    identity: tuple[Any, ...] = ()
    """Of its app: the client id, and the directories and clouds of both tenants."""
    credential: tuple[Any, ...] = ()
    """Key and ciphertext of the app's credential in use; empty if there is none."""
    proven_at: datetime | None = None
    """When that credential last got a token."""

    @classmethod
    def stored(cls) -> InstallationSender:
        """The snapshot of the rows as they are now."""
        found = installation_mailbox()
        if found is None:
            return cls()
        login = (found.address, found.transport, found.server, found.username, found.login_kind, found.is_personal)
        keys = (found.pk, found.app_id, found.tenant_id, found.sends_reminders)
        password = found.password.token if found.password else ""
        directories = {tenant.pk: (tenant.directory_id, tenant.cloud) for tenant in (found.tenant, *_homes(found))}
        identity = (found.app.client_id if found.app else "", tuple(sorted(directories.items())))
        used = found.app.current_credential if found.app else None
        if used is None or used.value is None:
            return cls(found.address, (*keys, *login, password), identity)
        return cls(found.address, (*keys, *login, password), identity, (used.pk, used.value.token), used.proven_at)

    def differs(self, before: InstallationSender) -> bool:
        """Whether another mailbox, identity or credential sends now.

        A first credential does not count, and neither does a new credential that got a token since: the same identity
        still sends, and can send.
        """
        if (self.mailbox, self.identity) != (before.mailbox, before.identity):
            return True
        if not before.credential or self.credential == before.credential:
            return False
        is_proven = self.proven_at is not None and (before.proven_at is None or self.proven_at > before.proven_at)
        return not (self.credential and is_proven)


def _homes(mailbox: Mailbox) -> list[Tenant]:
    return [mailbox.app.tenant] if mailbox.app else []
