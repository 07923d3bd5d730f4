"""Two doors for whoever watches this service."""
