"""What needs action now."""
