"""People: who may come in, with which roles, and inviting them."""
