"""Whether the trail is whole: from the first entry that is left to the last, each is what it was and follows the one
before. Finds the first place where it is not, and says what was done there.
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
AROUND = 1_000
"""How far away an entry is looked for that stands where another belongs."""
Content = dict[str, Any]


class Break(StrEnum):
    ALTERED = "altered"
    """Its content is not what was digested."""
    REMOVED = "removed"
    """Entries before it are not there any more."""
    SWAPPED = "swapped"
    """It is whole, but was written at another number."""
    INSERTED = "inserted"
    """It is whole by itself, but does not follow the entry before it: one of the two was put there later."""
    CUT = "cut"
    """The trail ends before an entry that is known from elsewhere."""
    REPLACED = "replaced"
    """An entry known from elsewhere is another one now: all from there on, or up to there, was written anew."""


@dataclass(frozen=True)
class VerificationResult:
    """What a verification says."""

    first: int
    """The first entry that is left; 0 if there is none."""
    head: Head
    count: int
    broken: Break | None = None
    at: int = 0
    """The number of the first entry where it is broken."""

    @property
    def ok(self) -> bool:
        return self.broken is None


def verify(expected: Sequence[Head] = ()) -> VerificationResult:
    """`expected` are heads that were noted elsewhere: those numbers must still have those digests. One that was
    pruned since is believed, as the chain is, from its first entry on."""
    found = _walked(expected)
    # Retention may have taken what was being read.
    while not found.ok and _first_number() != found.first:
        found = _walked(expected)
    return found


def _first_number() -> int:
    return AuditEntry.objects.order_by("number").values_list("number", flat=True).first() or 0


def _walked(expected: Sequence[Head]) -> VerificationResult:
    first, last, count = _first_number(), BEGINNING, 0
    known = {head.number: head.digest for head in expected}
    pruned: Head | None = None
    """What stood before the first entry, until an entry vouches for it."""
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
        if pruned is not None and _vouches(content, pruned):
            pruned = None
        last, count = Head(number, content["digest"]), count + 1
    if pruned is not None:
        return VerificationResult(first, last, count, Break.REMOVED, first)
    if any(number > last.number for number in known):
        return VerificationResult(first, last, count, Break.CUT, last.number + 1)
    return VerificationResult(first, last, count)


def _entries() -> Iterator[tuple[int, Content | None]]:
    """By number, a chunk at a time: entries that are appended meanwhile follow. No content: it cannot be read."""
    entries = AuditEntry.objects.order_by("number")
    after = 0
    while numbers := list(entries.filter(number__gt=after).values_list("number", flat=True)[:CHUNK]):
        after = numbers[-1]
        yield from _read(numbers)


def _read(numbers: list[int]) -> Iterator[tuple[int, Content | None]]:
    found = AuditEntry.objects.filter(number__gte=numbers[0], number__lte=numbers[-1]).order_by("number")
    try:
        contents = list(found.values(*FIELDS, "digest"))
    except (ValueError, TypeError):  # SQLite keeps whatever somebody wrote, be it no time, no id, no JSON
        if len(numbers) == 1:
            yield numbers[0], None
        else:
            for number in numbers:
                yield from _read([number])
        return
    for content in contents:
        yield content["number"], content


def _break(content: Content | None, last: Head) -> Break | None:
    if content is None or not _is_plain(content):
        return Break.ALTERED
    number, digest = content["number"], content["digest"]
    if digest_of(content) != digest:
        home = _home(content, digest)
        if home is None:
            return Break.ALTERED
        if home < number:
            return Break.INSERTED
        return Break.SWAPPED if _stands_at(home, number) else Break.REMOVED
    if number != last.number + 1:
        return Break.REMOVED
    return Break.INSERTED if content["previous"] != last.digest else None


def _is_plain(content: Content) -> bool:
    """Whether there is a digest of it at all: JSON as SQLite keeps it may hold what no entry can."""
    try:
        canonical(content)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _home(content: Content, digest: str) -> int | None:
    """The number that an entry was written at, if it is whole but for its number."""
    before = AuditEntry.objects.filter(digest=content["previous"]).values_list("number", flat=True).first()
    stands: int = content["number"]
    near = range(max(1, stands - AROUND), stands + AROUND)
    numbers: list[int] = [*([before + 1] if before is not None else []), *near]
    return next((number for number in numbers if digest_of({**content, "number": number}) == digest), None)


def _stands_at(place: int, number: int) -> bool:
    """Whether the entry of `number` stands at `place`."""
    other = dict(_read([place])).get(place)
    return other is not None and digest_of({**other, "number": number}) == other["digest"]


def _vouches(content: Content, pruned: Head) -> bool:
    details = content["details"]
    return (
        content["act"] == AuditAction.AUDIT_PRUNED
        and isinstance(details, dict)
        and (details.get("through"), details.get("digest")) == (pruned.number, pruned.digest)
    )
