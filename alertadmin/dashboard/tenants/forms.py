from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from alertadmin import audit
from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction
from alertadmin.dashboard.ui.email_list_field import ContactListField
from alertadmin.dashboard.ui.name_field import NameField
from alertadmin.dashboard.ui.new_destination import TenantDestination
from alertadmin.dashboard.ui.time_zone_input import TimeZoneInput
from alertadmin.registry import input_validation
from alertadmin.registry.models import Tenant
from alertadmin.registry.registration import set_contacts


class TenantForm(TenantDestination):
    directory_id = forms.CharField(
        label=_("Directory (tenant) ID"),
        help_text=_("Entra admin center, App registrations, your app, Overview: Directory (tenant) ID."),
    )
    contacts = ContactListField(
        label=_("Contacts"),
        help_text=_(
            "Notified before a secret expires: one e-mail address per line. Leave empty to notify the administrators."
        ),
    )

    class Meta:
        model = Tenant
        fields = ["name", "directory_id", "domain", "cloud", "time_zone", "language", "contacts", "notes"]
        field_classes = {"name": NameField}
        widgets = {"notes": forms.Textarea(attrs={"rows": 2}), "time_zone": TimeZoneInput}

    field_order = ["name", "directory_id", "domain", "cloud", "remove_secrets"]
    halves = ("name", "domain", "directory_id", "cloud", "time_zone", "language")

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not access.in_all_tenants(Right.CHANGE):
            # The directory is fixed for users without rights in all tenants, and an error about a duplicate would
            # reveal other tenants.
            del self.fields["directory_id"], self.fields["cloud"]
        if self.instance._state.adding is False:
            self.initial["contacts"] = "\n".join(self.instance.contacts.values_list("email", flat=True))

    def clean_directory_id(self) -> str:
        return input_validation.check_directory_id(self.cleaned_data["directory_id"])

    def save(self, commit: bool = True) -> Tenant:
        tenant: Tenant = self.instance
        if not commit:
            return super().save(commit=False)  # type: ignore[no-any-return]
        with audit.record_save(AuditAction.TENANT_CREATED, AuditAction.TENANT_CHANGED, tenant) as details:
            super().save()
            self.settle()
            details["contacts"] = set_contacts(tenant, self.cleaned_data["contacts"])
        return tenant
