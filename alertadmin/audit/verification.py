"""Verify the hash chain, from the first remaining entry to the last. Reports the first broken entry and how it was
broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from alertadmin.audit.actions import AuditAction
from alertadmin.audit.hash_chain import BEGINNING, FIELDS, Head, canonical, digest_of
from alertadmin.audit.models import AuditEntry

CHUNK = 2_000
SEARCH_DISTANCE = 1_000
"""Max distance at which the original number of a moved entry is searched."""
Content = dict[str, Any]


class Break(StrEnum):
    ALTERED = "altered"
    """The content does not match the digest."""
    REMOVED = "removed"
    """Entries before it are missing."""
    SWAPPED = "swapped"
    """The entry is valid, but was written with another number."""
    INSERTED = "inserted"
    """The entry is valid, but does not follow the previous one: one of the two was inserted later."""
    CUT = "cut"
    """The trail ends before an expected entry."""
    REPLACED = "replaced"
    """An expected entry has another digest: the chain was rewritten from there on, or up to there."""


@dataclass(frozen=True)
class VerificationResult:
    """Result of a verification."""

    first: int
    """Number of the first remaining entry; 0 if there is none."""
    head: Head
    count: int
    broken: Break | None = None
    at: int = 0
    """Number of the first broken entry."""

    @property
    def ok(self) -> bool:
        return self.broken is None


def verify(expected: Sequence[Head] = ()) -> VerificationResult:
    """Verify the trail. `expected` are heads noted elsewhere: those numbers must have those digests. Expected entries
    that were pruned since are trusted, as the chain is, from its first entry on."""
    found = _walk(expected)
    # Retention may have deleted entries while they were read.
    while not found.ok and _first_number() != found.first:
        found = _walk(expected)
    return found


def _first_number() -> int:
    return AuditEntry.objects.order_by("number").values_list("number", flat=True).first() or 0


def _walk(expected: Sequence[Head]) -> VerificationResult:
    first, last, count = _first_number(), BEGINNING, 0
    known = {head.number: head.digest for head in expected}
    pruned: Head | None = None
    """The predecessor of the first entry, until an AUDIT_PRUNED entry confirms it."""
    for number, content in _entries():
        if content is not None and count == 0 and number != 1:
            pruned = last = Head(number - 1, str(content["previous"]))
            if known.pop(last.number, last.digest) != last.digest:
                return VerificationResult(first, last, count, Break.REPLACED, number)
        broken = _break(content, last)
        if content is None or broken is not None:
            return VerificationResult(first, last, count, broken, number)
        if known.pop(number, content["digest"]) != content["digest"]:
            return VerificationResult(first, last, count, Break.REPLACED, number)
        if pruned is not None and _confirms_pruning(content, pruned):
            pruned = None
        last, count = Head(number, content["digest"]), count + 1
    if pruned is not None:
        return VerificationResult(first, last, count, Break.REMOVED, first)
    if any(number > last.number for number in known):
        return VerificationResult(first, last, count, Break.CUT, last.number + 1)
    return VerificationResult(first, last, count)


def _entries() -> Iterator[tuple[int, Content | None]]:
    """Entries by number, in chunks; includes entries appended meanwhile. Content None: unreadable."""
    entries = AuditEntry.objects.order_by("number")
    after = 0
    while numbers := list(entries.filter(number__gt=after).values_list("number", flat=True)[:CHUNK]):
        after = numbers[-1]
        yield from _read(numbers)


def _read(numbers: list[int]) -> Iterator[tuple[int, Content | None]]:
    found = AuditEntry.objects.filter(number__gte=numbers[0], number__lte=numbers[-1]).order_by("number")
    try:
        contents = list(found.values(*FIELDS, "digest"))
    except (ValueError, TypeError):  # SQLite stores any value: an invalid time, id or JSON
        if len(numbers) == 1:
            yield numbers[0], None
        else:
            for number in numbers:
                yield from _read([number])
        return
    for content in contents:
        yield content["number"], content


def _break(content: Content | None, last: Head) -> Break | None:
    if content is None or not _is_encodable(content):
        return Break.ALTERED
    number, digest = content["number"], content["digest"]
    if digest_of(content) != digest:
        home = _original_number(content, digest)
        if home is None:
            return Break.ALTERED
        if home < number:
            return Break.INSERTED
        return Break.SWAPPED if _is_at(home, number) else Break.REMOVED
    if number != last.number + 1:
        return Break.REMOVED
    return Break.INSERTED if content["previous"] != last.digest else None


def _is_encodable(content: Content) -> bool:
    """Whether the content can be digested: SQLite may hold JSON that no entry could have."""
    try:
        canonical(content)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _original_number(content: Content, digest: str) -> int | None:
    """The number that the entry was written with, if all else is unchanged."""
    before = AuditEntry.objects.filter(digest=content["previous"]).values_list("number", flat=True).first()
    current: int = content["number"]
    near = range(max(1, current - SEARCH_DISTANCE), current + SEARCH_DISTANCE)
    numbers: list[int] = [*([before + 1] if before is not None else []), *near]
    return next((number for number in numbers if digest_of({**content, "number": number}) == digest), None)


def _is_at(position: int, number: int) -> bool:
    """Whether the entry with the original number `number` is now at `position`."""
    other = dict(_read([position])).get(position)
    return other is not None and digest_of({**other, "number": number}) == other["digest"]


def _confirms_pruning(content: Content, pruned: Head) -> bool:
    details = content["details"]
    return (
        content["act"] == AuditAction.AUDIT_PRUNED
        and isinstance(details, dict)
        and (details.get("through"), details.get("digest")) == (pruned.number, pruned.digest)
    )
