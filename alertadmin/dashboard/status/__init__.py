"""System health page."""
