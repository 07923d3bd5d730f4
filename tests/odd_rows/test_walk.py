"""Odd rows in a full installation: everything that is asked answers, and says of the rows of another customer what it
said before.

Each kind of odd value is put into a row of every model, in every column that takes it, past the models by SQL; in rows
of the other customer and of the installation. Kinds that hide what other columns do are put into one column of each
model at a time. A model or column that is added is covered by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Model

from alertadmin.accounts.models import User
from alertadmin.outbox.models import Delivery
from sandbox import Sandbox
from tests.factories import Rows
from tests.odd_rows.doors import Door, Seen, all_doors
from tests.odd_rows.odd_values import SINGLY, OddValue, odd_values
from tests.security import foreign
from tests.security.foreign import Foreign
from tests.security.walker import undone

OWNER = "staff@provider.example"
"""Who asks. What this person's own row holds changes what they may see, and is left as it is."""
KINDS_OF_ROWS = {
    "Delivery": ("purpose", "channel_label"),
    "Mailbox": ("transport",),
    "CalendarFeed": ("tenant",),
    "Reminder": ("kind",),
}
"""Of these a row of each kind is odd."""
SAMPLE = ("year 9999", "odd characters", "JSON list of odd things", "unknown name", "key that is missing", "negative")
SOME_DOORS = ("page overview", "page credentials", "page watching", "feed", "compose reminder", "scan 0", "watch")
OTHERWISE = {"UserSession", "Session"}
"""Rows of libraries that say who asks."""


@dataclass
class Walk:
    doors: list[Door]
    odd: dict[type[Model], list[object]]
    """The rows that become odd."""
    own: Seen
    """Ids of the customer whose rows are as they should be."""
    before: dict[str, Seen] = field(default_factory=dict)

    def complaints(self, odds: Iterable[OddValue]) -> Iterator[str]:
        """What raises, or says less of other rows, with these values."""
        with undone():
            put = {str(key) for odd in odds for key in self.odd[odd.model] if odd.put(key)}
            for door in self.doors:
                try:
                    with undone():
                        said = door.ask()
                except Exception as error:
                    yield f"{door.name}: {type(error).__name__} {str(error)[:200]}"
                    continue
                is_of_odd = any(key in door.name for key in put)
                if lost := [one for one in self.before[door.name] - said if self._counts(one, is_of_odd)]:
                    yield f"{door.name}: lost {sorted(lost)[:3]}"

    def _counts(self, said: str, is_of_odd: bool) -> bool:
        return not is_of_odd if said.startswith("status") else said.rpartition(" ")[2] in self.own


@pytest.fixture
def build(rows: Rows, sandbox: Sandbox) -> Callable[[tuple[str, ...]], Walk]:
    """Makes a walk through the doors whose names begin so."""
    return partial(_build, rows, sandbox)


def _build(rows: Rows, sandbox: Sandbox, names: tuple[str, ...]) -> Walk:
    world = foreign.build(rows, sandbox, has_canaries=False)
    for delivery in Delivery.objects.all():
        Delivery.objects.filter(pk=delivery.pk).update(tries=delivery.attempts.count())
    odd = dict(_odd_rows(world))
    keys = {model.__name__: found for model, found in odd.items()}
    doors = [one for one in all_doors(User.objects.get(email=OWNER), keys) if one.name.startswith(names)]
    made = Walk(doors, odd, _own_ids(world))
    for door in made.doors:
        with undone():
            made.before[door.name] = door.ask()
    return made


def _odd_rows(world: Foreign) -> Iterator[tuple[type[Model], list[object]]]:
    for model, keys in world.foreign.items():
        found: dict[tuple[Any, ...], object] = {}
        if model.__name__ in OTHERWISE:
            continue
        for row in model._default_manager.filter(pk__in=keys).order_by("pk"):
            kind = tuple(str(getattr(row, name)) for name in KINDS_OF_ROWS.get(model.__name__, ()))
            if getattr(row, "email", "") != OWNER:
                found.setdefault(kind, row.pk)
        yield model, list(found.values())


def _own_ids(world: Foreign) -> Seen:
    return frozenset(
        str(key)
        for model, keys in world.foreign.items()
        for key in model._default_manager.exclude(pk__in=keys).values_list("pk", flat=True)
        if isinstance(key, UUID)
    )


def rounds(models: Iterable[type[Model]], kinds: Iterable[str] = ()) -> Iterator[list[OddValue]]:
    found: dict[tuple[str, int], list[OddValue]] = defaultdict(list)
    for model in models:
        seen: dict[str, int] = defaultdict(int)
        for odd in odd_values(model):
            found[odd.kind, seen[odd.kind] if odd.kind in SINGLY else 0].append(odd)
            seen[odd.kind] += 1
    yield from (odds for (kind, _number), odds in found.items() if not kinds or kind in kinds)


def test_some_odd_rows_spoil_nothing(build: Callable[[tuple[str, ...]], Walk]) -> None:
    walk = build(SOME_DOORS)
    odds = [
        odd for some in rounds(walk.odd, SAMPLE) for odd in some if odd.model is not Delivery or not odd.field.choices
    ]
    last = {(odd.model, odd.field.name): odd for odd in odds}
    assert len(last) > 100
    assert list(walk.complaints(last.values())) == []


@pytest.mark.slow
@pytest.mark.postgresql
def test_no_odd_row_spoils_anything_of_others(build: Callable[[tuple[str, ...]], Walk]) -> None:
    walk = build(("",))
    complaints = {
        f"{odds[0]}, {len(odds)} columns: {complaint}"
        for odds in rounds(walk.odd)
        for complaint in walk.complaints(odds)
    }
    assert not complaints, "\n".join(sorted(complaints))
