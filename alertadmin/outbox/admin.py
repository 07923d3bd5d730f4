"""Deliveries and channels in the operators' admin: to be looked at; nothing sealed is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from alertadmin.outbox.models import Attempt, Channel, Delivery
from alertadmin.registry.admin import ReadOnly

if TYPE_CHECKING:
    Inline = admin.TabularInline[Attempt, Delivery]
else:
    Inline = admin.TabularInline


class AttemptInline(Inline):
    model = Attempt
    fields = readonly_fields = ("number", "route", "started_at", "finished_at", "outcome", "cause", "technical")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ["created_at", "purpose", "recipient", "subject", "state"]
    list_filter = ["state", "purpose"]
    search_fields = ["recipient", "subject", "message_id"]
    inlines = [AttemptInline]


@admin.register(Channel)
class ChannelAdmin(ReadOnly):
    list_display = ["name", "label", "hint", "line", "is_last_resort", "is_paused", "tenant", "app"]
    list_filter = ["is_paused"]
    list_select_related = ["tenant", "app"]
    search_fields = ["name", "hint"]
