"""Tenants, app registrations, credentials, mailboxes, consents and one-time links."""
