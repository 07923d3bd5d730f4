"""`diagnose`: the cause and the steps of an error text, without a data folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mailer.diagnosis import SLUGS
from tests.commands.installation import Installation, finished, names
from tests.supervisor.installation import PROJECT, clean_environ

EXPIRED = "AADSTS7000222: The provided client secret keys for app '0c0cbd8a-5d1f-4a4e-9d3c-2f6d1a7a9b10' are expired."
WRONG = "AADSTS7000215: Invalid client secret provided."
SHAPE = {"cause", "title", "explanation", "owner", "fix", "links", "found"}


@pytest.fixture
def anywhere(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "data")


def test_text_output_needs_no_data_folder(anywhere: Installation, tmp_path: Path) -> None:
    result = anywhere.run("diagnose", EXPIRED)
    assert (result.code, result.err) == (0, "")
    assert "expired" in result.out.splitlines()[0]
    assert "\nWho must act: The owner of the app registration and its secret\n" in result.out
    assert "  1. " in result.out
    assert "https://" in result.out
    assert names(tmp_path) == set()


def test_json_output(anywhere: Installation) -> None:
    told = anywhere.run("diagnose", "--json", stdin=f"some log\n{EXPIRED}\n".encode()).data
    assert told.keys() >= SHAPE
    assert (told["cause"], told["owner"] != "") == ("secret_expired", True)
    assert told["found"]["codes"] == ["AADSTS7000222"]
    assert told == anywhere.run("diagnose", "--json", EXPIRED).data | {"found": told["found"]}


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe\0" + WRONG.encode() + b"\x80\x81",
        WRONG.encode("utf-16"),
        WRONG.encode() + b"\xe9t\xe9" * 1000,
    ],
    ids=["binary around it", "UTF-16", "latin-1"],
)
def test_invalid_utf_8_is_accepted(anywhere: Installation, text: bytes) -> None:
    result = anywhere.run("diagnose", "--json", stdin=text)
    assert result.code == 0
    assert result.data["cause"] in SLUGS


def test_ten_megabytes_are_accepted(anywhere: Installation) -> None:
    filler = b"2026-11-23 08:00:00 INFO nothing happened, \xff\xfe 5.7.x and so on\n" * 165_000
    assert len(filler) > 10_000_000
    assert anywhere.run("diagnose", "--json", stdin=WRONG.encode() + b"\n" + filler).data["cause"] in SLUGS


def test_missing_text_is_refused(anywhere: Installation) -> None:
    for_programs = anywhere.run("diagnose", "--json", stdin=b" \n")
    assert (for_programs.code, for_programs.data["ok"]) == (1, False)
    assert "standard input" in anywhere.run("diagnose", "").sentence
    closed = [sys.executable, str(PROJECT / "manage.py"), "diagnose"]
    started = subprocess.Popen(
        ["sh", "-c", 'exec "$@" <&-', "sh", *closed],
        env=clean_environ(anywhere.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert "standard input" in finished(started).sentence


# Line by line


def test_lines_are_answered_in_order(anywhere: Installation) -> None:
    texts = [EXPIRED, "", "nothing that is known", WRONG, "a\nb " + WRONG, "\ud800"]
    result = anywhere.run("diagnose", "--lines", stdin="\n".join(map(json.dumps, texts)).encode())
    assert (result.code, result.err) == (0, "")
    causes = [json.loads(line)["cause"] for line in result.out.splitlines()]
    assert causes == ["secret_expired", "other", "other", "secret_wrong", "secret_wrong", "other"]
    assert all(json.loads(line).keys() >= SHAPE for line in result.out.splitlines())


def test_invalid_line_has_its_own_answer(anywhere: Installation) -> None:
    lines = [json.dumps(WRONG).encode(), b"AADSTS7000215", b"[1]", b"\xff", b"[" * 100_000, json.dumps(WRONG).encode()]
    result = anywhere.run("diagnose", "--lines", stdin=b"\n".join(lines))
    assert result.code == 1
    told = [json.loads(line) for line in result.out.splitlines()]
    assert [one.get("cause") for one in told] == ["secret_wrong", None, None, None, None, "secret_wrong"]
    assert told[2] == {"error": "Line 3 is not a JSON string."}


def test_line_is_answered_before_the_next_is_read(anywhere: Installation) -> None:
    """For a program that keeps the command running."""
    process = anywhere.start("diagnose", "--lines")
    assert process.stdin
    assert process.stdout
    for text, cause in [(WRONG, "secret_wrong"), (EXPIRED, "secret_expired")]:
        process.stdin.write(json.dumps(text).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["cause"] == cause
    assert finished(process).code == 0


def test_closed_output_is_no_error(anywhere: Installation) -> None:
    process = anywhere.start("diagnose", "--lines")
    assert process.stdin
    assert process.stdout
    process.stdout.close()
    process.stdout = None
    result = finished(process, json.dumps(WRONG).encode() + b"\n" + json.dumps(WRONG).encode())
    assert (result.code, result.err) == (1, "")
