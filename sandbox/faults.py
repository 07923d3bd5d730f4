"""Scripted faults: the next responses of a service are delayed, wrong, or missing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from sandbox.ledger import Ledger
from sandbox.server.http_server import ResetConnection, Response

Service = Literal["token", "graph", "ews", "smtp", "relay", "discovery", "devicecode"]
Reset = Literal["before", "after"]
Stage = Literal["connect", "auth", "mail", "rcpt", "data", "draft", "lookup", "delete"]


@dataclass(slots=True)
class Fault:
    """One fault of a service.

    `status`: the status of an error in the service's own format; `code` chooses the error (AADSTS number, Graph's or
    EWS's code). `reset` "before" resets the connection before the request is processed; "after" processes it, waits
    `delay` seconds and resets the connection before the response. `taken` processes the request before the error
    response. `times`: how often it applies; None means always. `stage`: the step at which it applies; "data" is the
    message itself, others are SMTP's commands, and Graph's creation, lookup and deletion of drafts. `mailbox`: applies
    only to this sending mailbox, at Entra's endpoints client id, at the stage "rcpt" recipient. Setting `until` ends
    the delay early; only possible for a test in the same process.
    """

    service: Service
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
    """The scripted faults. Each one applied is recorded in the ledger with the kind "fault"."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self.closing = threading.Event()
        """Set when the sandbox closes; ends all delays."""

    def add(
        self,
        service: Service,
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
        """Raises ValueError for a service, reset or stage that does not exist."""
        for value, allowed in ((service, Service), (reset, Reset), (stage, Stage)):
            if value is not None and value not in get_args(allowed):
                raise ValueError(f"{value!r} is none of {', '.join(get_args(allowed))}")
        fault = Fault(service, status, delay, reset, times, headers or {}, body, mailbox, code, stage, until, taken)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, service: str, mailbox: str | None = None, stage: Stage = "data") -> Fault | None:
        """The oldest matching fault; counts one application of it."""
        if not self._faults:
            return None
        with self._lock:
            fits = (one for one in self._faults if one.service == service and one.stage == stage)
            fault = next((one for one in fits if _same(one.mailbox, mailbox)), None)
            if fault is None:
                return None
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
        self._ledger.append(
            "fault",
            service,
            status=fault.status,
            code=fault.code,
            reset=fault.reset,
            delay=fault.delay,
            stage=stage,
            mailbox=mailbox,
        )
        return fault

    def wait(self, fault: Fault) -> bool:
        """Wait for the fault's delay; returns whether the sandbox is closing."""
        (fault.until or self.closing).wait(fault.delay)
        return self.closing.is_set()

    def apply(
        self,
        service: Service,
        mailbox: str | None,
        work: Callable[[], Response],
        answer: Callable[[Fault], Response],
        stage: Stage = "data",
    ) -> Response:
        """Do an HTTP service's `work`, or apply a matching fault; `answer` makes an error in the service's format."""
        fault = self.take(service, mailbox, stage)
        if fault is None:
            return work()
        if fault.reset == "after":
            work()
            self.wait(fault)
            raise ResetConnection
        # No request is processed after the delay if the sandbox is closing.
        if self.wait(fault) or fault.reset == "before":
            raise ResetConnection
        if fault.status is None and fault.code is None:
            return work()
        if fault.taken:
            work()
        response = answer(fault) if fault.body is None else _scripted_response(fault)
        response.headers.update(fault.headers)
        return response


def _scripted_response(fault: Fault) -> Response:
    status = fault.status or 500
    if isinstance(fault.body, bytes):
        return Response(status, fault.body)
    if isinstance(fault.body, str):
        return Response(status, fault.body.encode(), {"Content-Type": "text/plain; charset=utf-8"})
    return Response.of_json(fault.body, status)


def _same(wanted: str | None, actual: str | None) -> bool:
    return wanted is None or (actual is not None and wanted.lower() == actual.lower())
