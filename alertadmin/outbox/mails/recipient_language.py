"""The language of a mail: the recipient's own, else that of the tenant it is about, else the installation's.

A mail that is not about a tenant, such as a link to a new password, takes the tenant of the recipient's roles, if that
is one.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import pgettext

from alertadmin.accounts.models import User
from alertadmin.registry.models import Tenant


def language_of(address: str, tenant: Tenant | None = None) -> str:
    return language_of_user(User.objects.by_address(address), tenant)


def language_of_user(user: User | None, tenant: Tenant | None = None) -> str:
    """`user` is None for a recipient without an account."""
    if user and user.own_language:
        return user.own_language
    tenant = tenant or (_only_tenant(user) if user else None)
    return tenant.mail_language if tenant else settings.LANGUAGE_CODE


def format_time(moment: datetime) -> str:
    """ "23 Nov 2026, 09:00 CET", "23 nov. 2026, 09:00 CET": in the active language and time zone."""
    local = timezone.localtime(moment)
    words = date_format(local, pgettext("date format", "j M Y, H:i"))
    return f"{words} {local.tzname()}"


def _only_tenant(user: User) -> Tenant | None:
    """The tenant of all roles of a user; None if there are several, or a role in all tenants."""
    tenants = set(user.memberships.values_list("tenant", flat=True))
    return Tenant.objects.filter(pk=tenants.pop()).first() if len(tenants) == 1 else None
