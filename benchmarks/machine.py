"""Describe the machine in one line: figures mean nothing without it."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter


def description(folder: Path) -> str:
    load = os.getloadavg()[0]
    return (
        f"{_processor()}, {os.cpu_count()} cores (load {load:.1f}), Python {platform.python_version()}, "
        f"fsync {_fsync(folder) * 1000:.2f} ms"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _fsync(folder: Path) -> float:
    """Measure the seconds that the data folder's disk needs to sync 4 KiB: the cost of each commit."""
    taken = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _repeat in range(50):
            file.write(b"x" * 4096)
            file.flush()
            began = perf_counter()
            os.fsync(file.fileno())
            taken.append(perf_counter() - began)
    return median(taken)
