"""Checks of a history against the reference model: the mails received, and the rows of reminder lines."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from alertadmin.outbox.models import Delivery, Purpose
from sandbox import Sandbox
from tests.reminders.evidence import explained_acceptances, lines_of, notices
from tests.reminders.reference_model import Book, Promise


class Lost(AssertionError):
    pass


class Twice(AssertionError):
    pass


class NotDue(AssertionError):
    pass


class MailChecks:
    """Compares what the sandbox received with what the reference model expects."""

    has_rows = True
    """Whether there are rows that show what is due."""
    judges_rows = True
    """Whether the rows must match the model. A mutant is judged by its mails only."""
    sandbox: Sandbox
    book: Book
    now: datetime
    read: int
    """Entries of the sandbox's ledger that were read."""
    times: Counter[str]
    """How often each message was accepted, by Message-ID."""
    put_back: dict[Promise, datetime]

    def _look(self, *, is_well: bool) -> None:
        """Check the mails received. If all `is_well`, everything that may be sent now must have been."""
        owed = [one for one in self.book.promises if not one.is_told and one.earliest <= self.now]
        stale = {one for one in self.book.promises if self.book.is_stale(one, self.now)}
        loud = {one for one in owed if one not in stale and self.book.is_loud(one, self.now)}
        for mail in self._new_mails():
            self._judge(mail, [one for one in owed if one not in stale], loud)
        self._forget(stale, is_well)
        for one in owed:
            if one in stale or one.is_told:
                continue
            if one not in loud:
                thing = self.book.things[one.thing]
                self.put_back[one] = self.book._not_before(thing, one.threshold, self.now, self.book._may(thing))
            elif is_well and self.put_back.get(one, self.now) <= self.now:
                raise Lost(one.key, self.now)

    def _judge(self, mail: dict[str, Any], owed: list[Promise], loud: set[Promise]) -> None:
        [recipient], message_id = mail["to"], mail["message_id"]
        self.times[message_id] += 1
        is_uncertain = Delivery.objects.filter(message_id=message_id, was_uncertain=True).exists()
        if self.times[message_id] > 1:
            if self.times[message_id] > explained_acceptances(message_id) or not is_uncertain:
                raise Twice(recipient, mail["subject"])
            return
        if Delivery.objects.filter(message_id=message_id, purpose=Purpose.CALENDAR).exists():
            return  # takes back or moves calendar entries; it reminds of nothing (tests/reminders/calendar)
        lines = lines_of(mail["mime"])
        told = [one for one in owed if one.recipient == recipient and (one.thing, one.end) in lines]
        for one in told:
            one.is_told = True
        # A message that may have been sent is repeated word for word, even if the data has changed since.
        if len(told) != len(lines) and not is_uncertain:
            before = [one for one in self.book.promises if one.recipient == recipient and one.is_told]
            again = [line for line in lines if line in {(one.thing, one.end) for one in before if one not in told}]
            raise (Twice if again else NotDue)(recipient, lines, self.now)
        if not loud.intersection(told) and not is_uncertain:
            raise NotDue("at a quiet hour", recipient, lines, self.now)

    def _new_mails(self) -> list[dict[str, Any]]:
        entries = self.sandbox.ledger.entries()[self.read :]
        self.read += len(entries)
        return [entry for entry in entries if entry["kind"] == "message"]

    def _forget(self, stale: set[Promise], is_well: bool) -> None:
        """Drop outdated reminders, so that they can become due again; a killed worker may not have."""
        rows = notices()
        gone = {one for one in self.book.promises if one.key not in rows} if self.has_rows else stale
        if self.judges_rows:
            assert gone <= stale, "taken back though it is owed"
            left = {one for one in stale - gone if not one.is_told and one.earliest <= self.now}
            assert not (left and is_well), "kept though it is owed no more"
        self.book.promises = [one for one in self.book.promises if one not in gone]

    def _scanned(self) -> None:
        """The scan wrote exactly what is due, for the right time."""
        before = set(self.book.promises)
        self.book.scan(self.now)
        if self.judges_rows:
            rows = notices()
            assert rows.keys() == {one.key for one in self.book.promises}
            fresh = [one for one in self.book.promises if one not in before]
            assert {one.key: rows[one.key] for one in fresh} == {one.key: one.earliest for one in fresh}
