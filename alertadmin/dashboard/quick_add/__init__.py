"""Register a tenant, app, secret and mailbox in one form."""
