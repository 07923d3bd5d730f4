"""Columns of addresses that an upgrade gives their canonical forms."""

from __future__ import annotations

from alertadmin.accounts.address_upgrade import AddressColumn

ADDRESSES = (
    AddressColumn("registry_contact", "email", "contacts", ("tenant_id",)),
    AddressColumn("registry_mailbox", "address", "mailboxes", ("app_id", "server")),
)
