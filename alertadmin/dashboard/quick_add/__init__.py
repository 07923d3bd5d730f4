"""A tenant, its app, secret and mailbox in one guided form."""
