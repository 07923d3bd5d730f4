"""Expiries in users' calendars: feeds, calendar attachments of reminder mails, and corrections of entries sent."""
