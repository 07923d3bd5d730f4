"""A large scan is written in parts: still one mail for each recipient, and each reminder once, also if the scan is
interrupted between two parts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import QuerySet
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.outbox.queue import claims
from alertadmin.registry.models import Credential, Tenant
from alertadmin.reminders.models import Policy, Reminder, ReminderLine, Scan
from alertadmin.reminders.restore import detection, review
from alertadmin.reminders.scan import scanner
from alertadmin.reminders.scan.sources import credentials
from tests.factories import Rows

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ENDS = [-20, -3, 0, 1, 5, 7, 9, 13, 14, 20, 29, 31, 45, 60, 75, 89]
"""Days; of each tenant."""
PARTS = 3 * len(ENDS) // 5 + 1
TENANTS = {
    "Northpark": ["duty@n.example", "all@n.example"],
    "Lakeside": ["duty@l.example", "all@n.example"],
    "Harbour": [],
}


NEXT_SIZE = scanner._next_size


class Killed(BaseException):
    """What kill -9 is to a process."""


@pytest.fixture(autouse=True)
def _in_parts_of_five(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "FIRST_PART", 5)
    monkeypatch.setattr(scanner, "_next_size", lambda _size, _seconds: 5)


@pytest.fixture
def all_due(rows: Rows, administrator: User) -> list[Credential]:
    made = []
    for name, contacts in TENANTS.items():
        tenant = rows.tenant(name, contacts)
        made += [rows.credential(rows.app(tenant), days=days + 0.5) for days in ENDS]
    return made


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], object]], None]:
    """Has something done after each part, which is given the part's number, 1 the first."""

    def between(act: Callable[[int], object]) -> None:
        numbers = iter(range(1, 1000))

        def passes(step: str) -> None:
            if step == "scan-part-committed":
                act(next(numbers))

        monkeypatch.setattr(scanner, "failpoint", passes)

    return between


def told() -> Counter[tuple[Any, str]]:
    """How often each recipient was notified of each object."""
    return Counter(ReminderLine.objects.values_list("reminder__credential", "delivery__recipient"))


def in_one_transaction(monkeypatch: pytest.MonkeyPatch, at: datetime = NOW) -> Counter[tuple[Any, str]]:
    """The result of a scan that is not in parts; it is rolled back."""
    with monkeypatch.context() as patched:
        patched.setattr(scanner, "FIRST_PART", 1000)
        scanner.run(at, ring=False)
    found = told()
    for model in (ReminderLine, Delivery, Reminder, Scan):
        model._default_manager.all().delete()
    return found


@pytest.mark.usefixtures("all_due")
def test_parts_tell_what_one_transaction_tells_by_as_many_mails(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = in_one_transaction(monkeypatch)
    done = scanner.run(NOW)
    assert told() == expected
    assert set(expected.values()) == {1}
    recipients = {recipient for _thing, recipient in expected}
    assert sorted(Delivery.objects.values_list("recipient", flat=True)) == sorted(recipients)
    assert (done.reminders, done.deliveries) == (3 * len(ENDS), len(recipients))
    assert Scan.objects.get().finished_at == NOW
    # The most urgent of all parts is the mail's.
    assert set(Delivery.objects.values_list("urgency", flat=True)) == {NOW - timedelta(days=19.5)}


@pytest.mark.usefixtures("all_due")
def test_no_mail_leaves_before_all_parts_are_written(between: Callable[..., None]) -> None:
    seen = []
    between(lambda _number: seen.append((claims.due(NOW).exists(), scanner.last_finished())))
    scanner.run(NOW)
    assert seen == [(False, None)] * PARTS
    assert claims.due(NOW).count() == Delivery.objects.count()


@pytest.mark.parametrize("number", range(1, PARTS + 1))
def test_killed_after_any_part_the_next_scan_tells_the_rest(
    all_due: list[Credential], between: Callable[..., None], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    expected = in_one_transaction(monkeypatch)

    def dies(part: int) -> None:
        if part == number:
            raise Killed

    between(dies)
    with pytest.raises(Killed):
        scanner.run(NOW)
    assert scanner.last_finished() is None
    assert scanner.is_stale(NOW)
    # The nearest expiries first.
    written = set(Reminder.objects.values_list("expires_at", flat=True))
    left = {one.expires_at for one in all_due} - written
    assert not left or max(written) <= min(left)
    # What was written leaves by itself, whether or not there is another scan.
    assert claims.due(NOW + timedelta(minutes=5)).count() == Delivery.objects.count()
    between(lambda _number: None)
    scanner.run(NOW + timedelta(hours=1))
    assert told() == expected
    assert max(Counter(Delivery.objects.values_list("recipient", flat=True)).values()) <= 2
    assert scanner.last_finished() is not None


@pytest.mark.usefixtures("all_due")
def test_scan_killed_after_each_part_completes_in_the_end(
    between: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = in_one_transaction(monkeypatch)

    def dies(_number: int) -> None:
        raise Killed

    between(dies)
    for minutes in range(PARTS + 1):
        with suppress(Killed):
            scanner.run(NOW + timedelta(minutes=minutes))
    assert told() == expected


@pytest.mark.usefixtures("all_due")
def test_a_second_scan_between_the_parts_of_the_first_tells_nothing_twice(
    between: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = in_one_transaction(monkeypatch)
    inner: list[int] = []

    def another(number: int) -> None:
        if number == 2 and not inner:
            inner.append(number)
            inner.append(scanner.run(NOW + timedelta(seconds=1)).reminders)

    between(another)
    outer = scanner.run(NOW)
    assert told() == expected
    assert (outer.reminders, inner[1]) == (10, 3 * len(ENDS) - 10)


@pytest.mark.usefixtures("all_due")
def test_what_began_to_leave_between_two_parts_gets_nothing_added(
    between: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user sends a mail early; the findings of further parts are sent by another mail."""
    expected = in_one_transaction(monkeypatch)
    begun: dict[Any, set[int]] = {}

    def send(number: int) -> None:
        if number == 2:
            one = Delivery.objects.order_by("recipient")[0]
            Delivery.objects.filter(pk=one.pk).update(state=DeliveryState.SENDING, tries=1)
            begun[one.pk] = set(one.notices.values_list("pk", flat=True))

    between(send)
    scanner.run(NOW)
    [(key, notices)] = begun.items()
    assert set(ReminderLine.objects.filter(delivery=key).values_list("pk", flat=True)) == notices
    assert told() == expected
    assert max(Counter(Delivery.objects.values_list("recipient", flat=True)).values()) == 2


def test_with_hours_and_digests_too(
    all_due: list[Credential], between: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant: Tenant = all_due[0].app.tenant
    Policy.objects.create(tenant=tenant, has_timing=True, quiet_from=time(6), quiet_until=time(18))
    Policy.objects.create(has_timing=True, digest="daily", digest_at=time(17))
    expected = in_one_transaction(monkeypatch)

    def dies(part: int) -> None:
        if part == 3:
            raise Killed

    between(dies)
    with pytest.raises(Killed):
        scanner.run(NOW)
    between(lambda _number: None)
    scanner.run(NOW + timedelta(minutes=1))
    assert told() == expected


def test_unwritable_row_is_skipped_and_logged(
    all_due: list[Credential], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, write = all_due[7], credentials.write

    def refuses(made: Scan, found: QuerySet[Any]) -> int:
        if found.filter(pk=bad.pk).exists():
            raise ValueError("made up")
        return write(made, found)

    monkeypatch.setattr(credentials, "write", refuses)
    assert scanner.run(NOW).reminders == len(all_due) - 1
    assert not Reminder.objects.filter(credential=bad).exists()
    assert str(bad.pk) in caplog.text
    monkeypatch.undo()
    assert scanner.run(NOW).reminders == 1


@pytest.fixture
def put_back(all_due: list[Credential], settings: Settings, tmp_path: Path) -> None:
    """The database is an older copy than the recorded scan."""
    settings.DATA_DIR = tmp_path
    Scan.objects.create(started_at=NOW - timedelta(days=3), finished_at=NOW - timedelta(days=3))
    seen = {"scan": 10**6, "at": (NOW - timedelta(days=1)).isoformat(), "inode": 0}
    (tmp_path / detection.NAME).write_text(json.dumps(seen))


@pytest.mark.usefixtures("put_back")
@pytest.mark.parametrize("few", [0, 1000])
def test_a_review_holds_from_the_first_part_on(
    between: Callable[..., None], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Held: all but those that expire within a week; released at the end if they are few."""
    monkeypatch.setattr(review, "FEW", few)
    Credential.objects.filter(expires_at__lt=NOW + timedelta(days=8)).delete()
    later = NOW + timedelta(minutes=6)
    seen = []
    between(lambda _number: seen.append(claims.due(later).count()))
    scanner.run(NOW)
    assert set(seen) == {0}
    assert review.awaiting_review(NOW).count() == (0 if few else Delivery.objects.count())
    assert claims.due(NOW).count() == (Delivery.objects.count() if few else 0)


@pytest.mark.parametrize(
    ("size", "seconds", "following"), [(500, 0.3, 500), (500, 0.01, 1000), (2000, 0.1, 2000), (500, 3, 50), (30, 9, 20)]
)
def test_the_next_part_is_as_large_as_its_time_allows(size: int, seconds: float, following: int) -> None:
    assert NEXT_SIZE(size, seconds) == following
