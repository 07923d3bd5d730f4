"""Change a password, when signed in or by a reset link."""
