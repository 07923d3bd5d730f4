"""Speaks to Microsoft 365 and to mail servers. Knows no Django and no database.

`clouds` says where the doors are, `identity` gets tokens, `message` is one mail as data, `transports` carry it,
`diagnosis` explains what went wrong.
"""
