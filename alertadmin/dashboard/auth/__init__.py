"""Pages of sign-in, sign-out, invitation and the first administrator."""
