"""Dates of a file as spreadsheets write them: the file settles the order of day and month, or the user is asked."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from alertadmin.registry.csv_import import ImportOptions, NotImported, import_registrations
from alertadmin.registry.date_parser import DayOrder
from alertadmin.registry.models import Credential
from tests.registry.csv_import.csv_files import NOW, refusal, row, written

pytestmark = pytest.mark.django_db


def secrets(*dates: str) -> bytes:
    """A file with an app and its secret for each date."""
    return written(*(_app(number, text) for number, text in enumerate(dates)))


def _app(number: int, expiry: str) -> dict[str, str]:
    client_id = f"0c0cbd8a-5d1f-4a4e-9d3c-2f6d1a7a9b{number:02}"
    cells = {"app_name": f"App {number}", "client_id": client_id, "mailbox": "", "secret_value": ""}
    return row(**cells, secret_description=f"secret {number}", secret_expires_on=expiry)


def expiries(content: bytes, day_order: DayOrder | None = None) -> list[datetime]:
    import_registrations(io.BytesIO(content), now=NOW, options=ImportOptions(day_order))
    return list(Credential.objects.order_by("description").values_list("expires_at", flat=True))


def utc(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["31/12/2027", "03/04/2027"], [utc(2027, 12, 31), utc(2027, 4, 3)]),
        (["12/31/2027", "03/04/2027"], [utc(2027, 12, 31), utc(2027, 3, 4)]),
        (["31.12.2027", "3.4.2027"], [utc(2027, 12, 31), utc(2027, 4, 3)]),
        (["31 déc. 2027", "2027/04/03", "46480"], [utc(2027, 12, 31), utc(2027, 4, 3), utc(2027, 4, 3)]),
    ],
)
def test_the_other_dates_of_a_file_settle_the_order(dates: list[str], expected: list[datetime]) -> None:
    assert expiries(secrets(*dates)) == expected


@pytest.mark.parametrize(
    ("dates", "count"), [(["03/04/2027", "05/06/2027"], 2), (["31/12/2027", "12/31/2027", "03/04/2027"], 1)]
)
def test_what_nothing_settles_is_asked_once(dates: list[str], count: int) -> None:
    [question] = refusal(secrets(*dates)).mistakes
    assert (question.line, question.column) == (dates.index("03/04/2027") + 2, "secret_expires_on")
    assert "This can be 3 April 2027 or 4 March 2027." in question.message
    assert ("2 such dates" in question.message) == (count == 2)
    assert not Credential.objects.exists()


@pytest.mark.parametrize(
    ("order", "expected"), [(DayOrder.DAY_FIRST, utc(2027, 4, 3)), (DayOrder.MONTH_FIRST, utc(2027, 3, 4))]
)
def test_the_answer_holds_for_the_whole_file(order: DayOrder, expected: datetime) -> None:
    found = expiries(secrets("03/04/2027", "05/05/2027", "2027-12-31"), order)
    assert found == [expected, utc(2027, 5, 5), utc(2027, 12, 31)]


def test_importing_the_file_again_changes_nothing() -> None:
    content = secrets("31/12/2027", "03/04/2027")
    expiries(content)
    again = import_registrations(io.BytesIO(content), now=NOW)
    assert (again.added, again.changed) == (0, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [("2026-11-22", "has passed"), ("2019-01-31", "has passed"), ("2029-01-31", "more than 24 months ahead")],
)
def test_a_date_that_has_passed_or_is_far_ahead_is_said_once(text: str, said: str) -> None:
    content = secrets(text, "2027-12-31")
    first = import_registrations(io.BytesIO(content), now=NOW)
    assert [(one.line, one.column) for one in first.remarks] == [(2, "secret_expires_on")]
    assert said in first.remarks[0].message
    assert import_registrations(io.BytesIO(content), now=NOW).remarks == []


def test_more_remarks_than_are_listed_are_said() -> None:
    rows = [_app(number, "2020-01-31") for number in range(60)]
    remarks = import_registrations(io.BytesIO(written(*rows)), now=NOW).remarks
    assert len(remarks) == 51
    assert remarks[-1].message == "There are more remarks than these."


@pytest.mark.parametrize(
    ("dates", "is_partial", "asked"),
    [
        (["2020-01-31", "2027-12-31", "2030-01-01"], False, [2]),
        (["2027-12-31"], False, []),
        (["2020-01-31", "soon"], False, []),
        (["2020-01-31", "soon"], True, [1]),
    ],
)
@pytest.mark.parametrize("answer", [True, False])
def test_improbable_dates_are_confirmed_before_anything_is_stored(
    dates: list[str], is_partial: bool, asked: list[int], answer: bool
) -> None:
    counts: list[int] = []

    def confirm(count: int) -> bool:
        assert not Credential.objects.exists()
        counts.append(count)
        return answer

    options = ImportOptions(is_partial=is_partial)
    with suppress(NotImported):
        import_registrations(io.BytesIO(secrets(*dates)), now=NOW, options=options, confirm=confirm)
    assert counts == asked
    expected = 0 if "soon" in dates and not is_partial else len(dates) - dates.count("soon")
    assert Credential.objects.count() == (expected if answer or not asked else 0)
