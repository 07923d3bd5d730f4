"""Trouble on request: the next answers of a door are late, wrong, or never come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from sandbox.ledger import Ledger
from sandbox.server.http_server import Cut, Response

Door = Literal["token", "graph", "ews", "smtp", "relay", "discovery", "devicecode"]
Reset = Literal["before", "after"]
Stage = Literal["connect", "auth", "mail", "rcpt", "data", "draft", "lookup", "delete"]


@dataclass(slots=True)
class Fault:
    """`status` alone is answered in the door's own error shape; `code` chooses one (AADSTS number, Graph's, EWS's).

    `reset` "before" cuts the connection before anything is taken; "after" takes the message, waits `delay` and cuts
    before the answer. `taken` carries the request out before the fault's answer hides it. `times` None is for ever.
    `stage` is where a door misbehaves: "data" when the message leaves; before that at SMTP's steps, or where Graph
    makes, looks up or deletes a draft. `mailbox` is whom it strikes: the sending mailbox, at Entra's doors the client
    id, at the stage "rcpt" the recipient. Setting `until` ends the delay early; only a test in the same process can
    give it.
    """

    door: Door
    status: int | None = None
    delay: float = 0.0
    reset: Reset | None = None
    times: int | None = 1
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    mailbox: str | None = None
    code: str | int | None = None
    stage: Stage = "data"
    until: threading.Event | None = None
    taken: bool = False


class Faults:
    """Each fault that strikes is noted in the ledger, as kind "fault"."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self.closing = threading.Event()
        """Set when the sandbox closes: whatever waits out a delay goes on at once."""

    def add(
        self,
        door: Door,
        status: int | None = None,
        delay: float = 0.0,
        reset: Reset | None = None,
        times: int | None = 1,
        headers: dict[str, str] | None = None,
        body: Any = None,
        mailbox: str | None = None,
        code: str | int | None = None,
        stage: Stage = "data",
        until: threading.Event | None = None,
        taken: bool = False,
    ) -> Fault:
        """Raises ValueError for a door, reset or stage that does not exist."""
        for value, allowed in ((door, Door), (reset, Reset), (stage, Stage)):
            if value is not None and value not in get_args(allowed):
                raise ValueError(f"{value!r} is none of {', '.join(get_args(allowed))}")
        fault = Fault(door, status, delay, reset, times, headers or {}, body, mailbox, code, stage, until, taken)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, door: str, mailbox: str | None = None, stage: Stage = "data") -> Fault | None:
        """The oldest fault that fits, used up by one."""
        if not self._faults:
            return None
        with self._lock:
            fits = (one for one in self._faults if one.door == door and one.stage == stage)
            fault = next((one for one in fits if _same(one.mailbox, mailbox)), None)
            if fault is None:
                return None
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
        self._ledger.append(
            "fault",
            door,
            status=fault.status,
            code=fault.code,
            reset=fault.reset,
            delay=fault.delay,
            stage=stage,
            mailbox=mailbox,
        )
        return fault

    def wait(self, fault: Fault) -> bool:
        """Waits out its delay; returns whether the sandbox is closing."""
        (fault.until or self.closing).wait(fault.delay)
        return self.closing.is_set()

    def around(
        self,
        door: Door,
        mailbox: str | None,
        work: Callable[[], Response],
        answer: Callable[[Fault], Response],
        stage: Stage = "data",
    ) -> Response:
        """Does an HTTP door's `work`, unless a fault says otherwise; `answer` words a fault in the door's shape."""
        fault = self.take(door, mailbox, stage)
        if fault is None:
            return work()
        if fault.reset == "after":
            work()
            self.wait(fault)
            raise Cut
        # Nothing is taken any more from a client whose server is being shut down.
        if self.wait(fault) or fault.reset == "before":
            raise Cut
        if fault.status is None and fault.code is None:
            return work()
        if fault.taken:
            work()
        response = answer(fault) if fault.body is None else _as_told(fault)
        response.headers.update(fault.headers)
        return response


def _as_told(fault: Fault) -> Response:
    status = fault.status or 500
    if isinstance(fault.body, bytes):
        return Response(status, fault.body)
    if isinstance(fault.body, str):
        return Response(status, fault.body.encode(), {"Content-Type": "text/plain; charset=utf-8"})
    return Response.of_json(fault.body, status)


def _same(wanted: str | None, actual: str | None) -> bool:
    return wanted is None or (actual is not None and wanted.lower() == actual.lower())
