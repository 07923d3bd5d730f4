"""A CSV file brought by a browser: the command's own import, with its mistakes by line and column."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.dashboard.csv_import.columns import EXPLAINED
from alertadmin.dashboard.ui import upload_handlers
from alertadmin.registry.csv_import import COLUMNS
from alertadmin.registry.models import AppRegistration, Consent, Credential, Mailbox, PendingImport, Tenant
from tests.conftest import set_environment

SECRET = "abc8Q~canary.canary-canary_canary~canary12"
HEADER = "tenant_name,directory_id,app_name,client_id,secret_value,secret_expires_on,mailbox,transport"
ROW = (
    "Northpark,1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed,ALERT,9f2c7f3e-5d5f-4c52-8f0e-0d6c3a3f7d11,"
    f"{SECRET},2028-11-22,alarms@northpark.example,graph"
)


def upload(client: Client, content: str | bytes, name: str = "customers.csv") -> Any:
    """The page after the upload: the columns, or the reasons of the refusal."""
    content = content.encode() if isinstance(content, str) else content
    return _page(client, reverse("import"), {"file": SimpleUploadedFile(name, content)})


def check(client: Client, **answers: str) -> Any:
    """The page after the columns: what the rows would do, or the columns again with what is missing."""
    kept = PendingImport.objects.latest("created_at")
    url = reverse("import-columns", args=[kept.pk])
    form = client.get(url).context["form"]
    proposed = {field.name: field.value() or "" for field in form}
    return _page(client, url, {**proposed, **answers})


def confirm(client: Client, **choice: str) -> Any:
    """The page after the preview, as it is now."""
    url = reverse("import-preview", args=[PendingImport.objects.latest("created_at").pk])
    context = client.get(url).context or {}
    return _page(client, url, {"revision": context.get("revision", ""), **choice})


def _page(client: Client, url: str, data: Mapping[str, Any]) -> Any:
    return client.post(url, data, follow=True)


def bring(client: Client, content: str | bytes, name: str = "customers.csv") -> str:
    """What the browser shows in the end: after each step, if none has something to say."""
    page = upload(client, content, name)
    for step in (check, confirm):
        if page.status_code != 200:
            break
        page = step(client)
    return str(page.content.decode())


def test_a_file_is_imported_and_its_result_told(signed_in: Client) -> None:
    page = bring(signed_in, f"{HEADER}\n{ROW}\n")
    assert "Stored: 4 added, 0 changed." in page
    assert "Northpark" in page
    credential = Credential.objects.get()
    assert credential.value is not None
    assert credential.value.decrypt() == SECRET
    assert Mailbox.objects.get().address == "alarms@northpark.example"
    assert Consent.objects.get().status == "unknown"
    assert "Stored: 0 added, 0 changed." in bring(signed_in, f"{HEADER}\n{ROW}\n")


@pytest.mark.parametrize(("order", "month"), [("day_first", 4), ("month_first", 3)])
def test_dates_with_two_readings_are_asked_about_once_for_the_file(signed_in: Client, order: str, month: int) -> None:
    content = f"{HEADER}\n{ROW}\n".replace("2028-11-22", "03/04/2028")
    page = bring(signed_in, content)
    assert "No date of the file shows whether the day or the month comes first." in page
    assert not Credential.objects.exists()
    assert "day first" in page
    shown = check(signed_in, day_order=order).content.decode()
    assert ("3 Apr 2028" if month == 4 else "4 Mar 2028") in shown
    assert not Credential.objects.exists()
    confirm(signed_in)
    assert Credential.objects.get().expires_at.month == month


def test_mistakes_are_told_by_line_and_column_and_nothing_is_stored(signed_in: Client) -> None:
    broken = ROW.replace("2028-11-22", "tomorrow").replace("graph", "fax").replace("Northpark,1b9", "Other,2b9")
    upload(signed_in, f"{HEADER}\n{ROW}\n\n{broken}\n")
    page = check(signed_in).content.decode()
    assert "Nothing has been saved yet." in page
    for words in (
        "secret_expires_on",
        "This is not a date",
        "transport",
        "Write one of: ews, graph, smtp.",
        '<td data-label="Line">4</td>',
    ):
        assert words in page
    assert "canary" not in page
    assert not Tenant.objects.exists()
    page = confirm(signed_in, all_or_nothing="on").content.decode()
    assert "What the rows do" in page
    assert not Tenant.objects.exists()


@pytest.mark.control(55)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"\xff\xfe\x00binary\x00", "Choose the tenant"),
        (b"PK\x03\x04" + b"\0" * 100, "This workbook cannot be read."),
        (b"directory_id,Tenant ID\nx,y\n", "Two columns are taken for “Directory (tenant) ID”."),
        ((HEADER + "\n" + '"' + ROW).encode(), "This is no CSV line"),
        ((HEADER + "\n" + ROW.replace("Northpark", "=cmd()")).encode(), "This starts like a spreadsheet formula ("),
        ((HEADER + "\n" + ROW + "\n" + ROW).encode(), "This line repeats line 2."),
        ((HEADER + "\n<script>alert(1)</script>,x,,,,,,\n").encode(), "This is not an ID:"),
    ],
)
def test_a_hostile_file_gets_a_sentence(signed_in: Client, content: bytes, words: str) -> None:
    page = upload(signed_in, content)
    page = check(signed_in) if page.status_code == 200 else page
    assert words in page.content.decode()
    assert "<script>alert" not in page.content.decode()
    assert not Tenant.objects.exists()


def test_what_is_worth_a_second_look_is_shown_though_it_is_imported(signed_in: Client) -> None:
    page = bring(signed_in, f"{HEADER}\n{ROW.replace('2028', '2048')}\n")
    assert "Stored: 4 added, 0 changed." in page
    assert "Please check" in page
    assert "more than 24 months ahead" in page
    assert Tenant.objects.exists()


def test_no_file_at_all_is_asked_for(signed_in: Client) -> None:
    response = signed_in.post(reverse("import"), {})
    assert response.status_code == 422
    assert "Choose a file, or paste the table below." in response.content.decode()


@pytest.mark.control(55)
def test_a_file_that_is_too_large_is_refused_and_never_held(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    complete = upload_handlers.InMemory.file_complete

    def counted(handler: upload_handlers.InMemory, size: int) -> object:
        file = complete(handler, size)
        held.append(len(file.read()))
        return file

    monkeypatch.setattr(upload_handlers.InMemory, "file_complete", counted)
    page = bring(
        signed_in, f"{HEADER}\n{ROW}\n".encode() * (1 + (upload_handlers.LIMIT + 100_000) // len(f"{HEADER}\n{ROW}\n"))
    )
    assert "The file is larger than 15 MB." in page
    assert held[0] <= upload_handlers.LIMIT + 65_536
    assert not Tenant.objects.exists()


@pytest.mark.control(1, 55)
def test_what_is_uploaded_never_touches_the_disk(
    signed_in: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django's own handlers write what is large into the temporary folder, secrets in clear."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "is not there"))
    filling = ",".join([" " * 100] * (HEADER.count(",") + 1))
    text = f"{HEADER}\n{ROW}\n" + f"{filling}\n" * (3_000_000 // len(filling))
    assert len(text) > 2_621_440, "Django keeps what is smaller in memory"
    page = bring(signed_in, text)
    assert "Stored: 4 added, 0 changed." in page


def test_without_a_key_nothing_is_stored_and_the_page_says_why(
    signed_in: Client, settings: Settings, tmp_path: Path
) -> None:
    set_environment(settings, KEYS_FILE=str(tmp_path / "keys.json"))
    assert "keys.json is missing" in bring(signed_in, f"{HEADER}\n{ROW}\n")
    assert not Tenant.objects.exists()


def test_the_table_to_fill_in_is_one_that_can_be_imported(signed_in: Client, administrator: User) -> None:
    for language, separator in (("en", ","), ("fr", ";")):
        administrator.language = language
        administrator.save()
        response = signed_in.get(reverse("import-template"))
        assert response.headers["Content-Disposition"] == 'attachment; filename="registrations.csv"'
        table = response.content.decode("utf-8-sig")
        assert table.strip().split(separator) == list(COLUMNS)
        assert upload(signed_in, response.content).context["kept"].rows == 0
    assert not AppRegistration.objects.exists()


def test_the_page_explains_every_column(signed_in: Client) -> None:
    assert [name for name, _what, _example in EXPLAINED] == list(COLUMNS)
    page = signed_in.get(reverse("import")).content.decode()
    assert all(f'<span class="id">{name}</span>' in page for name in COLUMNS)
    assert f'href="{reverse("import")}"' in signed_in.get(reverse("tenants")).content.decode()


def test_columns_that_are_not_known_are_said_though_the_file_is_imported(signed_in: Client) -> None:
    upload(signed_in, f"{HEADER},Notes\n{ROW},call Bo first\n")
    page = check(signed_in).content.decode()
    confirm(signed_in)
    assert "Columns that are not known were left out: notes." in page
    assert "call Bo" not in page
    assert Credential.objects.exists()
