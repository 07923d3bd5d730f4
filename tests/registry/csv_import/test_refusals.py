"""Refused files: all mistakes are reported with line and column, and nothing is stored."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alertadmin.registry import input_validation
from alertadmin.registry.csv_import import COLUMNS, ImportOptions, ImportResult, NotImported, import_registrations
from alertadmin.registry.models import AppRegistration, Contact, Credential, Mailbox, Tenant
from tests.registry.csv_import.csv_files import (
    HARBOUR,
    NORTHPARK,
    NOW,
    SECRET,
    imported,
    imported_bytes,
    mistakes,
    refusal,
    row,
    written,
)

pytestmark = pytest.mark.django_db


def stored() -> list[int]:
    return [model.objects.count() for model in (Tenant, Contact, AppRegistration, Credential, Mailbox)]


@pytest.fixture(autouse=True)
def nothing_is_stored() -> Iterator[None]:
    yield
    assert stored() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("directory_id", "", "must not be empty"),
        ("directory_id", "common", "does not identify a directory"),
        ("directory_id", "northpark.example", "is a domain"),
        ("directory_id", "1b9d6bcd", "an id looks like"),
        ("client_id", "", "give its client ID"),
        ("client_id", "ALERT", "an id looks like"),
        ("tenant_name", "", "is new: give it a name"),
        ("tenant_name", "=HYPERLINK(1)", "formula"),
        ("tenant_name", "@SUM(1)", "formula"),
        ("tenant_name", "x" * 257, "longer than 256"),
        ("tenant_name", "North\x07park", "control character"),
        ("app_name", "", "is new: give it a name"),
        ("app_name", "+1", "formula"),
        ("app_name", "right\u202eleft", "control character"),
        ("cloud", "moon", "china, dod, gcc-high, global"),
        ("contact_emails", "it@northpark.example; no-address", "Address 2 of 2"),
        ("contact_emails", "it@northpark.example duty", "Address 2 of 2"),
        ("contact_emails", f"{'x' * 60}@{'y' * 60}.{'z' * 60}.{'y' * 60}.{'z' * 60}.example", "too long"),
        ("audience", "everybody", "AzureADMyOrg"),
        ("secret_description", "-2+3", "formula"),
        ("secret_value", NORTHPARK, "ID, not its value"),
        ("secret_value", "fT4******", "shown only once"),
        ("secret_value", f"{SECRET} {SECRET}", "inside the value"),
        ("secret_description", "right\u202eleft", "control character (U+202E)"),
        ("secret_value", f"{SECRET}\N{GRINNING FACE}", "English keyboard"),
        ("secret_expires_on", "", "enter its expiry date"),
        ("secret_expires_on", "31/31/2027", "Write 2027-12-31"),
        ("mailbox", "alarms", "not an e-mail address"),
        ("transport", "pigeon", "ews, graph, smtp"),
    ],
)
def test_mistake_is_reported_with_line_and_column(column: str, cell: str, said: str) -> None:
    found = refusal(written(row(directory_id=HARBOUR, tenant_name="Harbour"), row(**{column: cell}))).mistakes
    assert [(one.line, one.column) for one in found] == [(3, column)]
    assert said.lower() in found[0].message.lower()


@pytest.mark.parametrize(
    "column", ["app_name", "audience", "secret_value", "secret_expires_on", "mailbox", "transport"]
)
def test_app_columns_need_a_client_id(column: str) -> None:
    cells = row(**{column: "graph" if column == "transport" else row()[column]})
    kept = {name: cell for name, cell in cells.items() if name in ("directory_id", "tenant_name", column)}
    assert mistakes(kept) == [(2, "client_id")]


def test_all_mistakes_are_reported_in_line_order() -> None:
    lines = written(row(cloud="moon", mailbox="alarms"), row(client_id="x"), row(directory_id="", transport="pigeon"))
    found = [(one.line, one.column) for one in refusal(lines + b"," * len(COLUMNS) + b"one more\n").mistakes]
    assert sorted(found[:-1]) == [
        (2, "cloud"),
        (2, "mailbox"),
        (3, "client_id"),
        (4, "directory_id"),
        (4, "transport"),
    ]
    assert found[-1] == (5, "")
    assert [line for line, _column in found] == sorted(line for line, _column in found)


def test_at_most_fifty_mistakes_are_reported() -> None:
    found = refusal(written(*[row(cloud="moon")] * 300)).mistakes
    assert len(found) == 51
    assert "There are more errors than these; fix these first." in found[-1].message


def test_one_mistake_prevents_the_import_of_all_rows() -> None:
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1000)]
    assert mistakes(*(row(directory_id=i) for i in ids), row(directory_id=HARBOUR, app_name="")) == [(1002, "app_name")]


# Rows that do not agree


def test_a_line_that_repeats_another_is_refused() -> None:
    other = row(directory_id=HARBOUR, tenant_name="Harbour")
    found = refusal(written(row(), other, row(), row(directory_id=f"{{{NORTHPARK.upper()}}}"))).mistakes
    assert [(one.line, one.message) for one in found] == [
        (4, "This line repeats line 2."),
        (5, "This line repeats line 2."),
    ]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("tenant_name", "Southpark Energy"),
        ("cloud", "china"),
        ("app_name", "Backup"),
        ("audience", "AzureADMultipleOrgs"),
        ("secret_value", "x" * 40),
        ("secret_expires_on", "2028-12-31"),
        ("transport", "ews"),
    ],
)
def test_contradictory_lines_are_refused(column: str, cell: str) -> None:
    found = refusal(written(row(), row(**{column: cell}))).mistakes
    assert [(one.line, one.column, one.message) for one in found] == [(3, column, "Line 2 contradicts this line.")]


def test_a_mailbox_is_the_same_in_any_case() -> None:
    assert mistakes(row(), row(mailbox="Alarms@Northpark.example", transport="smtp")) == [(3, "transport")]


# Secrets and unexpected input


@pytest.mark.control(4)
@pytest.mark.parametrize("column", COLUMNS)
def test_message_never_contains_a_secret_from_the_wrong_column(column: str) -> None:
    broken = row(**{"cloud": "moon", "secret_value": f"{SECRET} ", column: SECRET})
    error = refusal(written(broken))
    assert SECRET[:8] not in str(error) + repr(error) + json.dumps([asdict(one) for one in error.mistakes])


def attempted(content: bytes) -> ImportResult | None:
    """The result of the import; None if it was refused and nothing was stored."""
    try:
        return imported_bytes(content)
    except NotImported:
        assert stored() == [0, 0, 0, 0, 0]
        return None


CELLS = {
    **{column: ["", row()[column], "=1", "x", "\x07", SECRET, NORTHPARK, HARBOUR] for column in COLUMNS},
    "secret_expires_on": ["", "2027-12-31", "0001-01-01", "9999-12-31", "2027-02-30", "2027-12-31T00:00+99:99"],
    "contact_emails": ["", ";;", "a@x.example;A@X.example", "a@x.example,b@x.example", "@", "ü@x.example"],
}
anything = st.fixed_dictionaries(
    {column: st.one_of(st.sampled_from(some), st.text(max_size=8)) for column, some in CELLS.items()}
)


@pytest.mark.control(55)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(anything, max_size=4))
@example([row()])
@example([row(), row(directory_id=HARBOUR, secret_expires_on="9998-12-31")])
def test_any_table_is_stored_whole_or_not_at_all(table: list[dict[str, str]]) -> None:
    with transaction.atomic():
        done = attempted(written(*table))
        if done is not None:
            tenants, _contacts, apps, credentials, mailboxes = stored()
            assert (done.added, done.changed) == (tenants + apps + credentials + mailboxes, 0)
            again = imported(*table)
            assert (again.added, again.changed) == (0, 0)
        transaction.set_rollback(True)


@pytest.mark.control(55)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_any_bytes_are_stored_whole_or_not_at_all(data: st.DataObject) -> None:
    content = bytearray(written(row(), row(directory_id=HARBOUR, tenant_name="Harbour", contact_emails="a@x;b@x")))
    for _change in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=3) | st.sampled_from(PIECES))
    with transaction.atomic():
        attempted(bytes(content))
        transaction.set_rollback(True)


PIECES = [
    b'"',
    b'""',
    b",",
    b";",
    b"\r",
    b"\n",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xc2\xa0",
    b"=",
    b"\xe2\x80\x8b",
]


def test_expiry_at_the_limit_is_valid_in_every_time_zone() -> None:
    with transaction.atomic():
        imported(row())
        for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
            Tenant.objects.update(time_zone=zone)
            for cell in ("9998-12-31", "2000-01-02"):
                imported(row(secret_expires_on=cell))
                end = Credential.objects.get().expires_at
                assert end == input_validation.parse_expiry(cell, Tenant.objects.get().zone)
                end.astimezone(Tenant.objects.get().zone)
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    "text",
    ["#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#NOM?", "#VALEUR!", "#BEZUG!", "#WERT!"],
)
@pytest.mark.parametrize("column", ["tenant_name", "app_name", "secret_description", "owner"])
def test_an_error_of_a_spreadsheet_is_no_text(column: str, text: str) -> None:
    [mistake] = refusal(written(row(**{column: text}))).mistakes
    assert (mistake.line, mistake.column) == (2, column)
    assert f"it shows {text}" in mistake.message


@pytest.mark.parametrize("cell", ["#REF!", "x" * 5_000])
def test_a_row_with_an_unusable_cell_is_not_imported_without_it(cell: str) -> None:
    content = written(row(owner=cell), row(secret_expires_on="soon", owner=cell, client_id="x"))
    done = import_registrations(io.BytesIO(content), now=NOW, options=ImportOptions(is_partial=True))
    found = [(one.line, one.column) for one in done.refused]
    assert found == [(2, "owner"), (3, "owner"), (3, "client_id"), (3, "secret_expires_on")]
