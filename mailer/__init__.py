"""Client for Microsoft 365 and mail servers. Uses neither Django nor a database.

`clouds` has the endpoints, `tokens` gets access tokens, `message` represents one mail, `transports` send it, and
`diagnosis` explains errors.
"""
