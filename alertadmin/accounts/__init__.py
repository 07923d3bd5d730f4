"""People: who may sign in, and how the first of them does."""
