"""How one knows that all of this works."""
