"""The installation's own mailbox: the one that an owner chose (`Mailbox.sends_reminders`).

Links that grant access leave by it, so those who may choose, change or delete it can read them. With a single tenant
none need be chosen: its first mailbox counts, whatever is added later, and whether it can send or not. Otherwise a
person who may add a mailbox could make it the one by breaking the first.
"""

from __future__ import annotations

from alertadmin.registry.models import Mailbox, Tenant


def installation_mailbox() -> Mailbox | None:
    """None where there are several tenants and none was chosen, or no mailbox at all."""
    mailboxes = Mailbox.objects.select_related("app__tenant", "tenant").prefetch_related("app__credentials")
    chosen = mailboxes.filter(sends_reminders=True).first()
    if chosen is not None or has_several_tenants():
        return chosen
    return mailboxes.order_by("created_at", "pk").first()


def has_several_tenants() -> bool:
    return Tenant.objects.order_by()[1:2].exists()
