"""Mailboxes and test sends."""
