"""Actions on many rows at once: a job with its rows, worked on in slices by the worker.

`actions` says what can be done with rows of each list, `jobs` starts, continues and stops jobs.
"""
