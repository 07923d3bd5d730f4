"""The control endpoint: directory, faults and ledger over HTTPS, for tests in another process.

`POST /_sandbox/{part}/{method}` with a JSON object of arguments returns `{"result": ...}` or `{"error": "..."}`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.server.http_server import Request, Response
from sandbox.state.directory import Directory
from sandbox.state.store import UnknownRecord

METHODS = {
    "directory": {
        *("add_tenant", "remove_tenant", "set_ews", "find_tenant", "tenants"),
        *("add_app", "find_app", "apps", "disable_app", "remove_app"),
        *("add_secret", "remove_secret", "expire_secret", "secrets", "add_certificate"),
        *("grant", "revoke", "scope", "install", "granted"),
        *("add_mailbox", "remove_mailbox", "find_mailbox", "mailboxes", "add_login"),
        *("add_person", "set_groups", "set_app_roles", "disable_person", "people"),
        *("add_account", "find_account", "accounts", "revoke_sign_ins", "age_sign_ins"),
    },
    "faults": {"add", "clear"},
    "ledger": {"entries", "messages"},
}


class ControlEndpoint:
    """Calls the methods in `METHODS`."""

    def __init__(self, directory: Directory, faults: Faults, ledger: Ledger) -> None:
        self._parts = {"directory": directory, "faults": faults, "ledger": ledger}

    def answer(self, part: str, method: str, request: Request) -> Response:
        if method not in METHODS.get(part, set()):
            return Response.of_json({"error": f"no {part}.{method} here"}, 404)
        # A page of another origin needs a CORS preflight for this content type, and none is answered.
        if request.method != "POST" or not request.headers.get("content-type", "").startswith("application/json"):
            return Response.of_json({"error": "POST a JSON object as application/json"}, 415)
        try:
            arguments = json.loads(request.body or b"{}")
            result = getattr(self._parts[part], method)(**arguments)
        except (UnknownRecord, TypeError, ValueError) as error:
            return Response.of_json({"error": str(error)}, 400)
        return Response(
            200, json.dumps({"result": result}, default=_plain).encode(), {"Content-Type": "application/json"}
        )


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {**asdict(value), "kind": type(value).__name__}
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"cannot send {type(value).__name__} from the control endpoint")
