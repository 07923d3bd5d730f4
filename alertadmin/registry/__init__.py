"""Tenants, app registrations, credentials, mailboxes and consents, and the keys that their secrets are sealed with."""
