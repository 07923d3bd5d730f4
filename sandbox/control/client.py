"""A client of the control endpoint, with the methods of the sandbox.

control = Control(url, ca_file)
tenant = control.directory.add_tenant("Northpark Energy", "northpark.example")
control.faults.add(service="graph", status=429)
"""

from __future__ import annotations

import http.client
import inspect
import json
import ssl
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.faults import Fault, Faults
from sandbox.ledger import Ledger
from sandbox.state.directory import Directory
from sandbox.state.models import Certificate, SandboxApp, SandboxMailbox, SandboxPerson, SandboxTenant, Secret, moment

RECORDS: dict[str, type] = {
    one.__name__: one for one in (SandboxTenant, SandboxApp, Secret, Certificate, SandboxMailbox, SandboxPerson, Fault)
}
IDS = {
    SandboxTenant: "directory_id",
    SandboxApp: "client_id",
    Secret: "key_id",
    SandboxMailbox: "address",
    SandboxPerson: "object_id",
}


class ControlError(RuntimeError):
    """The sandbox refused; the message says why."""


class Control:
    """`ca_file`: the sandbox's ca.pem. Each call opens a connection, so any thread or process can use it."""

    def __init__(self, url: str, ca_file: Path | str, timeout: float = 30.0, *, key: str = "") -> None:
        self._address = urlsplit(url)
        self._context = ssl.create_default_context(cafile=str(ca_file))
        self._timeout = timeout
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        self.directory = ControlPart(self, "directory", Directory)
        self.faults = ControlPart(self, "faults", Faults)
        self.ledger = ControlPart(self, "ledger", Ledger)

    def call(self, part: str, method: str, arguments: dict[str, Any]) -> Any:
        connection = http.client.HTTPSConnection(
            self._address.hostname or "localhost", self._address.port, timeout=self._timeout, context=self._context
        )
        try:
            body = json.dumps(arguments, default=_sent)
            connection.request("POST", f"/_sandbox/{part}/{method}", body, self._headers)
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if "error" in answer:
            raise ControlError(answer["error"])
        return _received(answer["result"])


class ControlPart:
    """Forwards calls to the method of the same name in the sandbox's process."""

    def __init__(self, control: Control, name: str, kind: type) -> None:
        self._control = control
        self._name = name
        self._kind = kind

    def __getattr__(self, method: str) -> Callable[..., Any]:
        signature = inspect.signature(getattr(self._kind, method))

        def call(*positional: Any, **named: Any) -> Any:
            bound = signature.bind(None, *positional, **named).arguments
            bound.pop("self")
            return self._control.call(self._name, method, dict(bound))

        return call


def _sent(value: object) -> Any:
    """Records are sent as their ids."""
    if type(value) in IDS:
        return getattr(value, IDS[type(value)])
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(f"cannot send {type(value).__name__} to the control endpoint")


def _received(value: Any) -> Any:
    if isinstance(value, list):
        return [_received(one) for one in value]
    if not isinstance(value, dict) or value.get("kind") not in RECORDS:
        return value
    kind = RECORDS[value["kind"]]
    known = {one.name for one in fields(kind)} if is_dataclass(kind) else set()
    parts = {name: part for name, part in value.items() if name in known}
    for name in ("starts_at", "expires_at"):
        if name in parts:
            parts[name] = moment(parts[name])
    return kind(**parts)
