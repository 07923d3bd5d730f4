"""What is stored, what is due, and what an administrator sees."""

__version__ = "0.1.0"
