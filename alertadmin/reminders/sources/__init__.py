"""What people are reminded of: one module for each kind, each with `write(scan, now)`. A new kind is a line here."""

from __future__ import annotations

from alertadmin.reminders.sources import consents, credentials, ews, sign_ins

SOURCES = (credentials, ews, consents, sign_ins)
