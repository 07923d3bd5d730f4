from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from alertadmin.dashboard.apps.forms import AppForm
from alertadmin.dashboard.credentials.forms import SecretForm
from alertadmin.dashboard.mailboxes.forms import SenderMailboxForm
from alertadmin.dashboard.tenants.forms import TenantForm
from alertadmin.registry.models import AppRegistration, Mailbox


class TenantPart(TenantForm):
    class Meta(TenantForm.Meta):
        fields = ["name", "domain", "directory_id", "cloud", "time_zone", "language", "contacts"]

    field_order = Meta.fields


class AppPart(AppForm):
    class Meta(AppForm.Meta):
        model = AppRegistration
        fields = ["name", "client_id", "audience", "redirect_uri", "permissions"]


class MailboxPart(SenderMailboxForm):
    """Optional as a whole: without an address no mailbox is created."""

    class Meta:
        model = Mailbox
        fields = ["address", "transport", "sends_reminders"]

    halves = ("address", "transport")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["address"].required = False
        if sends := self.fields.get("sends_reminders"):
            sends.help_text = _("Reminders are sent by this mailbox first; by another one or the relay if it fails.")


__all__ = ["AppPart", "MailboxPart", "SecretForm", "TenantPart"]
