"""Attacks on roles that wait for a proven address."""
