"""The registry in the operators' admin. What is sealed is neither shown nor entered here: the pages do that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from alertadmin.registry.models import (
    AppRegistration,
    Consent,
    ConsentChange,
    Contact,
    Credential,
    Mailbox,
    Tenant,
)

if TYPE_CHECKING:
    Inline = admin.TabularInline[Contact, Tenant]
    TenantBase = admin.ModelAdmin[Tenant]
    AppBase = admin.ModelAdmin[AppRegistration]
    CredentialBase = admin.ModelAdmin[Credential]
    MailboxBase = admin.ModelAdmin[Mailbox]
    Base = admin.ModelAdmin[Any]
else:
    Inline = admin.TabularInline
    TenantBase = AppBase = CredentialBase = MailboxBase = Base = admin.ModelAdmin


class ReadOnly(Base):
    """What the program writes and nobody edits: it can be looked at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ContactInline(Inline):
    model = Contact
    extra = 1


@admin.register(Tenant)
class TenantAdmin(TenantBase):
    list_display = ["name", "domain", "directory_id", "cloud", "time_zone"]
    list_filter = ["cloud"]
    search_fields = ["name", "domain", "directory_id"]
    inlines = [ContactInline]


@admin.register(AppRegistration)
class AppRegistrationAdmin(AppBase):
    list_display = ["name", "tenant", "client_id", "audience"]
    list_filter = ["audience"]
    list_select_related = ["tenant"]
    search_fields = ["name", "client_id", "tenant__name"]
    autocomplete_fields = ["tenant"]


@admin.register(Credential)
class CredentialAdmin(CredentialBase):
    list_display = ["description", "app", "kind", "state", "expires_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["app"]
    search_fields = ["description", "app__name", "app__tenant__name", "key_id"]
    autocomplete_fields = ["app"]
    readonly_fields = ["hint", "proven_at", "created_at"]


@admin.register(Mailbox)
class MailboxAdmin(MailboxBase):
    list_display = ["address", "tenant", "app", "transport", "server", "sends_reminders"]
    list_filter = ["transport"]
    list_select_related = ["tenant", "app"]
    search_fields = ["address", "tenant__name", "app__name"]
    autocomplete_fields = ["tenant", "app"]


@admin.register(Consent)
class ConsentAdmin(ReadOnly):
    list_display = ["app", "tenant", "permission", "status", "checked_at"]
    list_filter = ["status", "permission"]
    list_select_related = ["app", "tenant"]
    search_fields = ["app__name", "tenant__name"]


@admin.register(ConsentChange)
class ConsentChangeAdmin(ReadOnly):
    list_display = ["app", "tenant", "permission", "before", "after", "at"]
    list_select_related = ["app", "tenant"]
    search_fields = ["app__name", "tenant__name"]
