"""Ends in people's calendars: feeds to subscribe to, an entry with each reminder mail, and what takes it back."""
