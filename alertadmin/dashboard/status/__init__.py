"""System status page."""
