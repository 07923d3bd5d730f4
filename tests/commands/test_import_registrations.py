"""`import_registrations`: all rows or none, from a file or standard input, as text and JSON."""

from __future__ import annotations

import json
import os
import pty
from pathlib import Path
from uuid import UUID

import pytest

from tests.commands.installation import Installation, Result, finished
from tests.commands.seed import Customers

BINARY = b"\x89PNG\r\n\x1a\n\0\0\0"


def checked(installation: Installation) -> int:
    """Return the number of consents in the installation: 0 if nothing was stored."""
    return int(installation.run("check_consent", "--json").data["checked"])


@pytest.mark.postgresql
def test_file_is_imported_and_again_without_changes(fresh: Installation, customers: Customers) -> None:
    customers.add(contacts="it@x.example")
    customers.add(transport="ews")
    first = fresh.run("import_registrations", str(customers.write()), "--json")
    assert (first.code, first.err) == (0, "")
    assert first.data == {"ok": True, "rows": 2, "added": 8, "changed": 0, "remarks": [], "refused": []}
    again = fresh.run("import_registrations", "-", "--json", stdin=customers.file.read_bytes())
    assert again.data == {"ok": True, "rows": 2, "added": 0, "changed": 0, "remarks": [], "refused": []}


def test_text_output_has_counts_and_warnings(installation: Installation, customers: Customers) -> None:
    customers.add(secret_expires_on="2099-12-31")
    result = installation.run("import_registrations", str(customers.write()))
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0] == "Rows: 1. Added: 4, changed: 0."
    assert result.out.splitlines()[1].startswith(
        "line 2, secret_expires_on: This expiry date is more than 24 months ahead"
    )


@pytest.mark.postgresql
def test_errors_have_line_and_column_and_nothing_is_stored(installation: Installation, customers: Customers) -> None:
    customers.add()
    wrong = customers.add(transport="pigeon", mailbox="no-address")
    customers.write()
    told = installation.run("import_registrations", str(customers.file), "--json")
    assert told.code == 1
    assert {(one["line"], one["column"]) for one in told.data["errors"]} == {(3, "transport"), (3, "mailbox")}
    assert all(one["message"] for one in told.data["errors"])
    said = installation.run("import_registrations", str(customers.file)).sentence
    assert said.splitlines()[0] == "Nothing was imported."
    assert any(line.startswith("line 3, transport: Write one of: ews, graph, smtp") for line in said.splitlines())
    assert wrong.secret not in told.out + said
    assert checked(installation) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (BINARY, "picture"),
        (b'directory_id\n"never closed', "line 2: This is no CSV line"),
        (b"directory_id" + b",Tenant ID" * 1_000_000, "named twice"),
    ],
    ids=["empty", "binary", "never closed", "a million columns"],
)
def test_hostile_file_is_refused(installation: Installation, content: bytes, said: str) -> None:
    assert said in installation.run("import_registrations", "-", stdin=content).sentence


def test_gigabyte_is_refused_at_once(installation: Installation, tmp_path: Path) -> None:
    sparse = tmp_path / "sparse.csv"
    with sparse.open("wb") as file:
        file.truncate(1_000_000_000)
    assert "larger than 50 MB" in installation.run("import_registrations", str(sparse)).sentence


@pytest.mark.parametrize(("name", "said"), [("/nowhere/x.csv", "No such file"), ("/etc", "Is a directory")])
def test_unreadable_file_is_named(installation: Installation, name: str, said: str) -> None:
    result = installation.run("import_registrations", name, "--json")
    assert result.code == 1
    assert result.data["error"].startswith(f"{name} cannot be read: {said}")


def test_missing_key_file_refuses_the_import(installation: Installation, customers: Customers) -> None:
    customers.add()
    customers.bring_into(installation)
    (installation.folder / "keys.json").unlink()
    known = customers.all[0]
    customers.add()
    result = installation.run("import_registrations", str(customers.write()), "--json")
    assert result.code == 1
    assert "keys.json is missing" in result.data["error"]
    assert known.secret not in result.out + result.err
    assert checked(installation) == 1


def test_a_file_of_one_tenant_needs_an_option(fresh: Installation, tmp_path: Path) -> None:
    file = tmp_path / "apps.json"
    app = {"appId": "0c0cbd8a-5d1f-4a4e-9d3c-2f6d1a7a9b10", "displayName": "A", "passwordCredentials": []}
    file.write_text(json.dumps([app]))
    assert "directory_id is missing" in fresh.run("import_registrations", str(file)).sentence
    tenant = ("--directory", "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "--tenant-name", "Northpark")
    result = fresh.run("import_registrations", str(file), "--json", *tenant)
    assert (result.code, result.data["added"]) == (0, 2)
    assert "is not an ID" in fresh.run("import_registrations", str(file), "--directory", "x").sentence


def test_good_rows_are_imported_by_choice_and_the_exit_code_tells_of_the_others(
    fresh: Installation, customers: Customers
) -> None:
    customers.add()
    customers.add(transport="pigeon")
    result = fresh.run("import_registrations", str(customers.write()), "--partial", "--json")
    assert result.code == 1
    assert (result.data["ok"], result.data["added"]) == (False, 4)
    assert [(one["line"], one["column"]) for one in result.data["refused"]] == [(3, "transport")]


def test_improbable_dates_are_confirmed_on_a_terminal(fresh: Installation, customers: Customers) -> None:
    customers.add(secret_expires_on="2020-01-31")
    file = str(customers.write())
    program, terminal = pty.openpty()

    def answer(typed: bytes, *arguments: str) -> Result:
        with fresh.start("import_registrations", file, *arguments, stdin=terminal) as process:
            os.write(program, typed)
            return finished(process)

    declined = answer(b"n\n")
    assert "1 expiry date has passed or is more than 24 months ahead. Import it? [y/N]" in declined.err
    assert (declined.code, "not confirmed" in declined.err) == (1, True)
    unasked = answer(b"", "--yes")
    os.close(program)
    os.close(terminal)
    assert (unasked.code, unasked.err) == (0, "")
    assert unasked.out.splitlines()[0] == "Rows: 1. Added: 4, changed: 0."
    assert "This expiry date has passed. Is it correct?" in unasked.out


@pytest.mark.slow
def test_memory_does_not_follow_the_length_of_the_file(fresh: Installation, tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    lines = ["tenant_name,directory_id,app_name,client_id,secret_expires_on,contact_emails"]
    lines += [
        f"Customer {n},{UUID(int=n, version=4)},ALERT,{UUID(int=n + 10**9, version=4)},2028-01-31,it@c{n}.example"
        for n in range(20_000)
    ]
    file.write_text("\n".join(lines))
    with fresh.start("import_registrations", str(file), "--partial") as process:
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_maxrss < 200_000, "kilobytes"
