"""What the mailbox that sends for the installation rests on: its app's identity and its directory. Another client id or
directory would make another sender of it, so an owner changes them."""

from __future__ import annotations

from django.db.models import Q

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.registry.models import AppRegistration, Mailbox, Tenant


def need_owner_of_sender(access: Access, thing: AppRegistration | Tenant | None) -> None:
    """Raises PermissionDenied where the installation sends through it and an owner must change it."""
    if thing is None or thing._state.adding or access.everywhere(Right.GOVERN):
        return
    through = Q(app=thing) if isinstance(thing, AppRegistration) else Q(tenant=thing) | Q(app__tenant=thing)
    if Mailbox.objects.filter(through, sends_reminders=True).exists():
        access.need(Right.GOVERN)
