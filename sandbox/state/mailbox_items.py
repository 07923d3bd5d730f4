"""The items in mailboxes: drafts, and a copy of each message that Graph sent. Rebuilt from the ledger at the start.

An item's default id changes when it is moved, its immutable id does not. Source: Microsoft Graph, "Obtain immutable
identifiers for Outlook resources".
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.ledger import Entry, Ledger

Folder = Literal["drafts", "sentitems", "deleteditems"]
ID = re.compile(r"(?:AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A|AAMkAGI2TG93AAA)([0-9]{9})(?:M([0-9]{3}))?AAA=?")


@dataclass(slots=True)
class Item:
    """`facts`: the ledger's facts of the message; `number`: that of the ledger entry that created it."""

    number: int
    mailbox: str
    folder: Folder
    created_at: str
    facts: dict[str, Any]
    is_draft: bool = False
    moves: int = 0

    def id(self, *, immutable: bool) -> str:
        if immutable:
            return f"AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A{self.number:09d}AAA"
        return f"AAMkAGI2TG93AAA{self.number:09d}M{self.moves:03d}AAA="


class Items:
    """All items, changed by ledger entries."""

    def __init__(self, ledger: Ledger) -> None:
        self._items: dict[int, Item] = {}
        self._lock = threading.Lock()
        for entry in ledger.entries():
            self.apply(entry)

    def apply(self, entry: Entry) -> Item | None:
        """Apply a ledger entry; returns the item that it created, or None. Ignores entries of other services."""
        if entry["service"] != "graph":
            return None
        if entry["kind"] == "draft":
            return self._add(entry, "drafts")
        if entry["kind"] == "message" and entry.get("item"):
            self.begin_sending(self._items[entry["item"]])
        elif entry["kind"] == "message" and entry.get("saved", True):
            return self._add(entry, "sentitems")
        elif entry["kind"] == "deleted":
            self._delete(self._items[entry["item"]])
        return None

    def find(self, mailbox: str, item_id: str) -> Item | None:
        """Find an item by its default or immutable id. Raises ValueError for a malformed id."""
        found = ID.fullmatch(item_id)
        if found is None:
            raise ValueError(item_id)
        item = self._items.get(int(found[1]))
        if item is None or item.mailbox != mailbox.lower() or (found[2] and int(found[2]) != item.moves):
            return None
        return item

    def find_by_message_id(self, mailbox: str, message_id: str, folder: str | None = None) -> list[Item]:
        """The items with this Message-ID, newest first."""
        with self._lock:
            mine = [item for item in self._items.values() if item.mailbox == mailbox.lower()]
        found = [item for item in mine if item.facts["message_id"] == message_id and folder in (None, item.folder)]
        return found[::-1]

    def begin_sending(self, item: Item) -> bool:
        """Move a draft to Sent Items. False if it was sent before: one of two parallel requests gets True."""
        with self._lock:
            if not item.is_draft:
                return False
            item.is_draft = False
            self._move(item, "sentitems")
            return True

    def _delete(self, item: Item) -> None:
        with self._lock:
            if item.folder == "deleteditems":
                self._items.pop(item.number, None)
            else:
                self._move(item, "deleteditems")

    def _add(self, entry: Entry, folder: Folder) -> Item:
        item = Item(entry["number"], entry["mailbox"].lower(), folder, entry["at"], entry, folder == "drafts")
        with self._lock:
            self._items[item.number] = item
        return item

    @staticmethod
    def _move(item: Item, folder: Folder) -> None:
        item.folder = folder
        item.moves += 1
