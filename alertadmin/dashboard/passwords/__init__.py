"""Choosing another password: as somebody who is in, or by a link."""
