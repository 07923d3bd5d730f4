"""Ways to tell people other than by mail: a signed webhook, and whatever service apprise knows. `transport` is the
door.

Nothing in here knows a row of the database; addresses come in as text, and are secrets: they hold tokens.
"""
