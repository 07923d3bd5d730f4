"""The ledger: entries are on disk before the response."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from sandbox.ledger import Ledger


def test_an_entry_is_on_disk_when_append_returns(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file)
    ledger.append("message", "graph", message_id="<1@x>", to=["a@b.example"])
    (line,) = file.read_text().splitlines()
    assert json.loads(line)["message_id"] == "<1@x>"
    ledger.close()


def test_messages_are_those_accepted_and_found_with_or_without_brackets(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append("token", "token", accepted=True)
    ledger.append("message", "graph", message_id="<1@x>")
    ledger.append("refused", "graph", status=403)
    ledger.append("message", "ews", message_id="<2@x>")
    assert [one["message_id"] for one in ledger.messages()] == ["<1@x>", "<2@x>"]
    assert [one["service"] for one in ledger.messages("2@x")] == ["ews"]
    assert len(ledger.messages("<1@x>")) == 1
    ledger.close()


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file)

    def write(writer: int) -> None:
        for number in range(50):
            ledger.append("message", "graph", message_id=f"<{writer}.{number}@x>")

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.close()
    written = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["number"] for one in written] == list(range(1, 801))
    assert len({one["message_id"] for one in written}) == 800


def test_a_ledger_opened_again_goes_on_and_drops_a_torn_last_line(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    first = Ledger(file)
    first.append("message", "graph", message_id="<1@x>")
    first.close()
    with file.open("a") as stream:
        stream.write('{"number": 2, "kind": "mess')
    second = Ledger(file)
    second.append("message", "graph", message_id="<2@x>")
    second.close()
    assert [json.loads(line)["number"] for line in file.read_text().splitlines()] == [1, 2]


def test_entries_of_earlier_versions_are_read(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_text('{"number": 1, "at": "", "kind": "refused", "door": "graph"}\n')
    ledger = Ledger(tmp_path / "ledger.jsonl")
    assert ledger.entries() == [{"number": 1, "at": "", "kind": "refused", "service": "graph"}]
    ledger.close()


def test_waiting_for_an_entry(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    writer = threading.Timer(0.1, lambda: ledger.append("message", "graph", message_id="<1@x>"))
    writer.start()
    (entry,) = ledger.wait_until(lambda entries: len(entries) == 1)
    assert entry["message_id"] == "<1@x>"
    with pytest.raises(TimeoutError):
        ledger.wait_until(lambda entries: len(entries) == 2, timeout=0.05)
    writer.join()
    ledger.close()
