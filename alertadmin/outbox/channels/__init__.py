"""Notifications other than by mail: a signed webhook, and any service that apprise supports. Entry point: `transport`.

No module here uses the database, except `dispatch` and `health`. Addresses arrive as text and contain tokens: they are
secrets.
"""
