"""Modules of apprise below its documented top level (checked with 2.2). Imported in the confined process alone.

apprise documents `Apprise`, `AppriseAsset` and the notification types. It documents neither the list of its services
as classes nor the parsing of an address without a connection.
"""

from __future__ import annotations

# Every service class, by URL schema: which of them speak HTTP alone is read from the classes.
from apprise.manager_plugins import NotificationManager

# What an address means, before a service is built from it: tells an incomplete address from an unknown one.
from apprise.plugins import url_to_dict
from apprise.plugins.base import NotifyBase

# Its host, port and recipients: alertadmin sends mail by its own SMTP client, with its own limits.
from apprise.plugins.email import NotifyEmail

__all__ = ["NotificationManager", "NotifyBase", "NotifyEmail", "url_to_dict"]
