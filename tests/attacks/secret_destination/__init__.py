"""Attacks that change the destination of a stored secret."""
