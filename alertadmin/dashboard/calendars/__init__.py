"""Calendars to subscribe to: a person's addresses, and what is answered there."""
