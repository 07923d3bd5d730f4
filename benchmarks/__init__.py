"""Measure alertadmin against a baseline, the least that this machine needs for the same work, in one run.

`python -m benchmarks` (or `./test --bench`) prints one table. docs/performance.md says what each row means.
"""
