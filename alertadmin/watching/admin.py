"""The ping and the letters, in the operators' admin: to be looked at."""

from __future__ import annotations

from django.contrib import admin

from alertadmin.registry.admin import ReadOnly
from alertadmin.watching.models import Letter, Ping


@admin.register(Ping)
class PingAdmin(ReadOnly):
    list_display = ["tried_at", "answered_at", "trouble"]


@admin.register(Letter)
class LetterAdmin(ReadOnly):
    list_display = ["kind", "about", "recipient"]
    list_filter = ["kind"]
