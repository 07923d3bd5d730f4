"""Faulty answers of Microsoft, a relay or a proxy: once, or for as long as an outage lasts.

Only data, without Django: the crash tests, which test the product from outside, use it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox import Sandbox

PAGE = "<html><title>Sign in to the network</title></html>"
OF_GRAPH = ("data", "draft", "lookup", "delete")
SILENT_FOR = 0.4
"""Seconds of real time for which a silent server holds a connection."""


@dataclass(frozen=True)
class Trouble:
    """One kind of answer by one endpoint of the sandbox, at all stages of a message."""

    name: str
    endpoint: str
    fault: dict[str, Any]

    @property
    def is_silent(self) -> bool:
        return "delay" in self.fault

    def begin(self, sandbox: Sandbox, times: int | None) -> None:
        for stage in OF_GRAPH if self.endpoint == "graph" else ("data",):
            sandbox.faults.add(self.endpoint, times=times, stage=stage, **self.fault)  # type: ignore[arg-type]


def _of(endpoint: str, name: str, **fault: Any) -> Trouble:
    return Trouble(f"{endpoint}: {name}", endpoint, fault)


TROUBLES = [
    _of("graph", "429 Retry-After", status=429, headers={"Retry-After": "120"}),
    _of("graph", "403", status=403),
    _of("graph", "500 in Graph's words", status=500),
    _of("graph", "500 bare", status=500, body=""),
    _of("graph", "500 bare, accepted", status=500, body="", taken=True),
    _of("graph", "502", status=502, body=PAGE),
    _of("graph", "503 in Graph's words", status=503),
    _of("graph", "503 bare", status=503, body=""),
    _of("graph", "504", status=504, body=""),
    _of("graph", "504, accepted", status=504, body="", taken=True),
    _of("graph", "200 with a page", status=200, body=PAGE),
    _of("graph", "202 with a page, accepted", status=202, body=PAGE, taken=True),
    _of("graph", "reset before", reset="before"),
    _of("graph", "reset after", reset="after"),
    _of("graph", "silence", reset="before", delay=SILENT_FOR),
    _of("graph", "silence, accepted", reset="after", delay=SILENT_FOR),
    _of("token", "secret expired", code=7000222),
    _of("token", "503 bare", status=503, body=""),
    _of("token", "200 with a page", status=200, body=PAGE),
    _of("discovery", "reset", reset="before"),
    _of("relay", "451", status=451),
    _of("relay", "reset before", reset="before"),
    _of("relay", "reset after", reset="after"),
]
