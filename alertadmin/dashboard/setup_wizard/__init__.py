"""Guided registration: one step per page, resumable, from a domain to a sent mail."""
