"""Audit trail: search, display and export."""
