"""Reminders before a credential expires: the rules (`rules`), the scan that finds what is due, the texts
(`compose`)."""
