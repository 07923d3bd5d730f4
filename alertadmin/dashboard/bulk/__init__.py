"""Actions on selected rows of a list: choose, confirm, and the job's progress and results."""
