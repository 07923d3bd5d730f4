"""Scans, reminders and what people said about them, in the operators' admin: to be looked at."""

from __future__ import annotations

from django.contrib import admin

from alertadmin.registry.admin import ReadOnly
from alertadmin.reminders.models import CalendarEntry, CalendarFeed, Hold, Policy, Recipient, Reminder, Scan


@admin.register(Scan)
class ScanAdmin(ReadOnly):
    list_display = ["started_at", "finished_at", "reminders", "deliveries"]


@admin.register(Reminder)
class ReminderAdmin(ReadOnly):
    list_display = ["kind", "tenant", "app", "expires_at", "threshold", "is_escalated"]
    list_filter = ["kind", "is_escalated"]
    list_select_related = ["tenant", "app"]
    search_fields = ["tenant__name", "app__name"]


@admin.register(Hold)
class HoldAdmin(ReadOnly):
    list_display = ["credential", "kind", "until", "by_name", "reason", "withdrawn_at"]
    list_filter = ["kind"]
    list_select_related = ["credential"]


@admin.register(Policy)
class PolicyAdmin(ReadOnly):
    list_display = ["__str__", "plan", "has_timing", "digest"]
    list_select_related = ["tenant", "app"]


@admin.register(Recipient)
class RecipientAdmin(ReadOnly):
    list_display = ["email", "line", "tenant", "app"]
    list_select_related = ["tenant", "app"]
    search_fields = ["email"]


@admin.register(CalendarEntry)
class CalendarEntryAdmin(ReadOnly):
    list_display = ["recipient", "kind", "what", "ends_at", "sequence", "corrected_by"]
    list_filter = ["kind"]
    list_select_related = ["corrected_by"]
    search_fields = ["recipient", "what", "app_name"]


@admin.register(CalendarFeed)
class CalendarFeedAdmin(ReadOnly):
    list_display = ["owner", "tenant", "created_at", "fetched_at", "revoked_at"]
    list_select_related = ["owner", "tenant"]
    exclude = ["digest"]
