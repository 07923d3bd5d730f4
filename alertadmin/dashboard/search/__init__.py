"""Search over everything that the user may see."""
