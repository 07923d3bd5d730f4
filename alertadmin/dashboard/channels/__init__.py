"""Channels: notifications besides mail."""
