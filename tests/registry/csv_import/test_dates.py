"""Dates of a file as spreadsheets write them: the file settles the order of day and month, or the user is asked."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from alertadmin.registry.csv_import import ImportOptions, import_registrations
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
