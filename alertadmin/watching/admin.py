"""The ping, in the operators' admin: to be looked at."""

from __future__ import annotations

from django.contrib import admin

from alertadmin.registry.admin import ReadOnly
from alertadmin.watching.models import Ping


@admin.register(Ping)
class PingAdmin(ReadOnly):
    list_display = ["tried_at", "answered_at", "trouble"]
