"""The stored state of a directory, and the lookups that all its parts need."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.state.models import SandboxApp, SandboxTenant
from sandbox.state.persistence import DirectoryState


class UnknownRecord(LookupError):
    """No such tenant, app, secret, person or mailbox."""


class DirectoryStore:
    """Loads the state from a file, and writes it after each change if `persist`."""

    def __init__(self, file: Path, persist: bool = True) -> None:
        self._file = file
        self._persist = persist
        self._lock = threading.RLock()
        self._depth = 0
        self._state = DirectoryState.read(file)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Make many changes with one write, for example to add thousands of tenants. May be nested."""
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._persist and not self._depth:
                    self._state.write(self._file)

    def find_tenant(self, name: str) -> SandboxTenant | None:
        """Find a tenant by its directory id or domain."""
        key = name.lower()
        return self._state.tenants.get(key) or next((one for one in self.tenants() if one.domain == key), None)

    def tenants(self) -> list[SandboxTenant]:
        with self._lock:
            return list(self._state.tenants.values())

    def tenant(self, tenant: SandboxTenant | str) -> SandboxTenant:
        found = self.find_tenant(tenant if isinstance(tenant, str) else tenant.directory_id)
        if found is None:
            raise UnknownRecord(f"no tenant {tenant}")
        return found

    def find_app(self, client_id: str) -> SandboxApp | None:
        return self._state.apps.get(client_id.lower())

    def app(self, app: SandboxApp | str) -> SandboxApp:
        found = self.find_app(app if isinstance(app, str) else app.client_id)
        if found is None:
            raise UnknownRecord(f"no app {app}")
        return found


def sha256_hex(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
