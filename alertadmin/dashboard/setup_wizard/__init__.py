"""Guided registration: one step a page, resumable, from a domain name to a mail that was sent."""
