"""Channels: where people are told other than by mail."""
