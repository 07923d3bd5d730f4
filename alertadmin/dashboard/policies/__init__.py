"""Reminder policies: of the installation, a tenant or an app registration."""
