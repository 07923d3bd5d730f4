"""Columns of addresses that an upgrade gives their canonical forms."""

from __future__ import annotations

from alertadmin.accounts.address_upgrade import AddressColumn

ADDRESSES = (AddressColumn("reminders_recipient", "email", "people to notify", ("tenant_id", "app_id")),)
