"""Tests of all commands: help, JSON, refusals, and a new data folder."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands.installation import Installation, finished, names
from tests.supervisor.installation import free_port

JOBS = {
    "import_registrations": ["-"],
    "check_consent": [],
    "send_test": ["alarms@x.example", "--to", "me@x.example"],
    "send_reminders": [],
    "rotate_keys": [],
    "follow_url": ["global", "--from", "https://old.example"],
    "keys": ["list"],
    "prune": [],
}
MAY_FAIL = {"import_registrations": "empty", "send_test": "No mailbox alarms@x.example"}
"""The error of each command in an empty installation."""


@pytest.mark.parametrize("command", [*JOBS, "diagnose", "up", "backup", "restore"])
def test_help_shows_an_example(installation: Installation, command: str) -> None:
    shown = installation.run(command, "--help")
    assert (shown.code, shown.err) == (0, "")
    example = shown.out.partition("Example:\n")[2]
    assert command in example or "./run" in example


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.parametrize("job", JOBS)
def test_new_folder_is_prepared_and_output_is_json(fresh: Installation, job: str) -> None:
    result = fresh.run(job, *JOBS[job], "--json")
    if job in MAY_FAIL:
        assert (result.code, result.data["ok"]) == (1, False)
        assert MAY_FAIL[job] in result.data["error"]
    else:
        assert (result.code, result.data["ok"]) == (0, True)
    assert result.err == ""
    made = names(fresh.folder) - {"deliver.lock", "last-scan.json"}
    assert made - {"alertadmin.sqlite3"} == {"keys.json", "prepare.lock", "secret_key"}


@pytest.mark.parametrize("job", JOBS)
def test_text_output_is_sentences(installation: Installation, job: str) -> None:
    result = installation.run(job, *JOBS[job])
    if job in MAY_FAIL:
        assert MAY_FAIL[job] in result.sentence
    else:
        assert (result.code, result.err) == (0, "")
        assert result.out.strip().endswith(".")


def test_text_is_in_the_configured_language_and_json_in_english(installation: Installation) -> None:
    french = installation.but(ALERTADMIN_LANGUAGE="fr")
    assert "Aucune boîte" in french.run("send_test", *JOBS["send_test"]).sentence
    assert "No mailbox" in french.run("send_test", *JOBS["send_test"], "--json").data["error"]


@pytest.mark.parametrize("command", [*JOBS, "diagnose"])
def test_wrong_argument_is_reported_in_json(installation: Installation, command: str) -> None:
    result = installation.run(command, *JOBS.get(command, []), "--json", "--colour")
    assert result.code == 2
    assert result.data == {"ok": False, "error": "unrecognized arguments: --colour"}
    assert "usage:" in result.err


def test_wrong_argument_is_reported_with_valid_values(installation: Installation) -> None:
    result = installation.run("send_test")
    assert (result.code, result.out) == (2, "")
    assert "required: MAILBOX, --to" in result.err


# An installation that is ill


@pytest.mark.parametrize(
    ("said", "environ"),
    [
        ("a file is in its place", {"ALERTADMIN_DATA_DIR": "/etc/passwd"}),
        ("a file is in its place", {"ALERTADMIN_DATA_DIR": "/etc/passwd/data"}),
        ("ALERTADMIN_DATABASE_URL must be", {"ALERTADMIN_DATABASE_URL": "mysql://u:canary@h/x"}),
        ("ALERTADMIN_DATABASE_URL must be", {"ALERTADMIN_DATABASE_URL": "postgres://u:canary@h:port/x"}),
        ("ALERTADMIN_LEASE_SECONDS must be", {"ALERTADMIN_LEASE_SECONDS": "soon"}),
        ("ALERTADMIN_LANGUAGE must be", {"ALERTADMIN_LANGUAGE": "tlh"}),
    ],
)
def test_invalid_setting_is_reported(installation: Installation, said: str, environ: dict[str, str]) -> None:
    result = installation.but(**environ).run("check_consent", "--json")
    assert (result.code, result.data["ok"]) == (1, False)
    assert said in result.data["error"]
    assert "canary" not in result.out + result.err


def test_unreachable_database_server_is_reported(installation: Installation) -> None:
    away = f"postgres://ada:canary@127.0.0.1:{free_port()}/alertadmin"
    said = installation.but(ALERTADMIN_DATABASE_URL=away).run("send_reminders").sentence
    assert "alertadmin on 127.0.0.1" in said
    assert "canary" not in said


def test_invalid_clouds_file_entry_affects_no_other(installation: Installation, tmp_path: Path) -> None:
    clouds = tmp_path / "clouds.toml"
    clouds.write_text('[lab]\nlabel = "Lab"\n')
    ill = installation.but(ALERTADMIN_CLOUDS_FILE=str(clouds))
    assert ill.run("send_reminders", "--json").code == 0
    checked = ill.run("check")
    assert checked.code == 0
    assert f"ALERTADMIN_CLOUDS_FILE was ignored: {clouds}: [lab] lacks authority" in checked.err


def test_database_of_another_program_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "of-another-program.sqlite3"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE django_migrations (name TEXT)")
    installation = Installation(tmp_path / "data", {"ALERTADMIN_DATABASE_URL": f"sqlite:///{file}"})
    result = installation.run("check_consent", "--json")
    assert result.code == 1
    assert "cannot be used" in result.data["error"]


def test_output_works_in_every_terminal_encoding(installation: Installation) -> None:
    poor = installation.but(PYTHONIOENCODING="ascii")
    command = ["send_test", "alarmés@x.example", "--to", "me@x.example"]
    told = finished(poor.start(*command, "--json"))
    assert "alarmés@x.example" in told.data["error"]
    assert told.out.isascii()
    assert r"alarm\xe9s@x.example" in finished(poor.start(*command)).sentence


@pytest.mark.parametrize(
    "arguments",
    [
        ["send_test", b"\xff\xfe@x.example", "--to", "me@x.example"],
        ["send_test", "alarms@x.example", "--to", b"\xff@x.example"],
        ["check_consent", "--tenant", b"\xff"],
        ["import_registrations", b"/nowhere/\xff.csv"],
    ],
)
def test_undecodable_arguments_are_refused(installation: Installation, arguments: list[str | bytes]) -> None:
    result = installation.run(*arguments, "--json")
    assert (result.code, result.data["ok"], result.err) == (1, False, "")


def test_sqlite_file_in_another_folder_is_private(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.sqlite3"
    installation = Installation(tmp_path / "data", {"ALERTADMIN_DATABASE_URL": f"sqlite:///{file}"})
    assert installation.run("check_consent").code == 0
    with closing(sqlite3.connect(file)) as opened:
        assert opened.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "alertadmin.sqlite3" not in names(installation.folder)
