"""Pages of users, roles and invitations."""
