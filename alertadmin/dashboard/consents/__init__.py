"""Consent per tenant and permission."""
