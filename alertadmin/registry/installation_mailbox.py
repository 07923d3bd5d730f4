"""The installation's own mailbox: the one that an owner chose (`SandboxMailbox.sends_reminders`).

Links that grant access leave by it, so those who may choose, change or delete it can read them. With a single tenant
none need be chosen: its first mailbox counts, whatever is added later, and whether it can send or not. Otherwise a
person who may add a mailbox could make it the one by breaking the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alertadmin.registry.models import Mailbox, Tenant
from alertadmin.registry.models.mailbox import of_the_installation


def installation_mailbox() -> Mailbox | None:
    """None where there are several tenants and none was chosen, or no mailbox at all."""
    mailboxes = Mailbox.objects.select_related("app__tenant", "tenant").prefetch_related("app__credentials")
    return mailboxes.filter(of_the_installation()).first()


def has_several_tenants() -> bool:
    return Tenant.objects.order_by()[1:2].exists()


@dataclass(frozen=True)
class InstallationSender:
    """The installation's mailbox and what it rests on, as it is stored: who compares two of them sees whether the
    installation sends by something else now, or can send no more."""

    label: str = ""
    """How the mailbox is called; empty where there is none."""
    mailbox: tuple[Any, ...] = ()
    identity: tuple[Any, ...] = ()
    """Of its app: the client id, and the directories and clouds of both tenants."""
    credential: tuple[Any, ...] = ()
    """In use by its app, with what is stored of it; empty if there is none."""
    proven_at: datetime | None = None
    """When that credential last got a token."""

    @classmethod
    def stored(cls) -> InstallationSender:
        found = installation_mailbox()
        if found is None:
            return cls()
        login = (found.address, found.transport, found.server, found.username, found.login_kind, found.is_personal)
        keys = (found.pk, found.app_id, found.tenant_id, found.sends_reminders)
        password = found.password.token if found.password else ""
        places = {place.pk: (place.directory_id, place.cloud) for place in (found.tenant, *_homes(found))}
        identity = (found.app.client_id if found.app else "", tuple(sorted(places.items())))
        used = found.app.current_credential if found.app else None
        if used is None or used.value is None:
            return cls(found.address, (*keys, *login, password), identity)
        return cls(found.address, (*keys, *login, password), identity, (used.pk, used.value.token), used.proven_at)

    def differs(self, before: InstallationSender) -> bool:
        """Whether another mailbox, identity or credential sends now. A first credential, and one in the other's place
        that a token proved since, change neither who sends nor whether it can."""
        if (self.mailbox, self.identity) != (before.mailbox, before.identity):
            return True
        if not before.credential or self.credential == before.credential:
            return False
        is_proven = self.proven_at is not None and (before.proven_at is None or self.proven_at > before.proven_at)
        return not (self.credential and is_proven)


def _homes(mailbox: Mailbox) -> list[Tenant]:
    return [mailbox.app.tenant] if mailbox.app else []
