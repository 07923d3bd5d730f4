"""How fast it is, beside what the machine could do at best: each row a ratio against a bare limit of the same run.

`python -m benchmarks` (or `./test --bench`) prints one table. docs/performance.md says what each row means.
"""
