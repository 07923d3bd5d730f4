"""Health endpoints for external monitoring."""
