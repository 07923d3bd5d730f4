"""Outages of Microsoft 365 and of mail servers, answered by a server of our own: what arrives, how late, how often."""
