"""The rules as data: each has a pattern, its cause, its rank and its source."""
