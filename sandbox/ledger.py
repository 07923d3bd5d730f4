"""The ledger of all that the sandbox accepted and refused: one line of JSON each, on disk before the response is sent.
Tests compare against it.

Writers share one flush (group commit), so that 64 connections do not wait for 64 fsyncs.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Ledger:
    """`kind` of an entry is "message" (accepted), "draft" or "deleted" (an item of a mailbox), "token" (a token
    request), "refused" (any other refusal) or "fault" (a scripted fault was applied)."""

    def __init__(self, file: Path, fsync: bool = True) -> None:
        self._fsync = fsync
        self._entries = _read(file)
        self._stream = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._written_more = threading.Condition()
        self._waiting: list[bytes] = []
        self._written = 0
        self._queued = 0

    def append(self, kind: str, service: str, **facts: Any) -> Entry:
        """Add an entry; returns when it is on disk."""
        with self._lock:
            entry = {
                "number": len(self._entries) + 1,
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "kind": kind,
                "service": service,
                **facts,
            }
            self._entries.append(entry)
            self._waiting.append(json.dumps(entry).encode() + b"\n")
            self._queued += 1
            mine = self._queued
        self._flush(mine)
        with self._written_more:
            self._written_more.notify_all()
        return entry

    def entries(self) -> list[Entry]:
        with self._lock:
            return [dict(entry) for entry in self._entries]

    def messages(self, message_id: str | None = None) -> list[Entry]:
        """Accepted messages, oldest first; with an id, only those with this Message-ID (with or without <>)."""
        wanted = message_id.strip().strip("<>") if message_id else None
        found = [entry for entry in self.entries() if entry["kind"] == "message"]
        return [entry for entry in found if wanted in (None, entry["message_id"].strip("<>"))]

    def wait_until(self, enough: Callable[[list[Entry]], bool], timeout: float = 30.0) -> list[Entry]:
        """Wait until `enough` returns True for the entries, and return them. Raises TimeoutError after `timeout`
        seconds."""
        with self._written_more:
            if not self._written_more.wait_for(lambda: enough(self.entries()), timeout):
                raise TimeoutError(f"the ledger did not get there in {timeout} s")
        return self.entries()

    def close(self) -> None:
        with self._flushing:
            os.close(self._stream)

    def _flush(self, mine: int) -> None:
        with self._flushing:
            if self._written >= mine:
                return  # another writer flushed this line
            with self._lock:
                lines, self._waiting = self._waiting, []
                upto = self._queued
            os.write(self._stream, b"".join(lines))
            if self._fsync:
                os.fsync(self._stream)
            self._written = upto


def _read(file: Path) -> list[Entry]:
    """The entries of earlier runs. An incomplete last line, of a killed process, had no response and is removed."""
    if not file.exists():
        return []
    whole, _, torn = file.read_bytes().rpartition(b"\n")
    if torn:
        with file.open("r+b") as stream:
            stream.truncate(len(whole) + 1 if whole else 0)
    return [_renamed(json.loads(line)) for line in whole.splitlines()]


def _renamed(entry: Entry) -> Entry:
    """Entries of earlier versions have the key "door" instead of "service"."""
    if "door" in entry:
        entry["service"] = entry.pop("door")
    return entry
