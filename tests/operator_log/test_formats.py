"""One record is one clean line, in both forms, without what a log must not hold."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alertadmin.operator_log import Event, log_event
from alertadmin.operator_log.context import name_from, reset_request_id, set_request_id
from alertadmin.operator_log.events import domain_of, log_part_change
from alertadmin.operator_log.formats import JsonFormatter, TextFormatter
from tests.operator_log.lines import logged

UUID_1 = UUID("11111111-2222-3333-4444-555555555555")
HOSTILE = "x\r\n2026-11-24T08:00:00.000Z INFO web forged\x1b[2J\x9b31m\u2028\u202e\ud800\x7f"


def a_record(message: str, *args: object, level: int = logging.WARNING) -> logging.LogRecord:
    record = logging.LogRecord("alertadmin.x", level, "x.py", 1, message, args, None)
    record.created = datetime(2026, 11, 24, 8, 0, 0, 123_000, tzinfo=UTC).timestamp()
    return record


def test_event_line_has_time_level_process_event_and_fields() -> None:
    with logged() as lines:
        log_event(Event.SCAN_FINISHED, reminders=3, at=datetime(2026, 11, 24, tzinfo=UTC), cause=None, what="two words")
    text = re.sub(r"^\S+ (INFO) \S+ ", r"TIME \1 PROCESS ", lines.text[0])
    assert text == 'TIME INFO PROCESS scan.finished reminders=3 at=2026-11-24T00:00:00Z what="two words"'
    assert list(lines.objects[0]) == ["time", "level", "process", "event", "reminders", "at", "what"]
    assert lines.objects[0]["reminders"] == 3


def test_message_line_has_its_module() -> None:
    line = TextFormatter().format(a_record("%d of %d", 1, 2))
    assert re.fullmatch(r"2026-11-24T08:00:00\.123Z WARNING \S+ alertadmin\.x: 1 of 2", line)
    assert json.loads(JsonFormatter().format(a_record("x")))["logger"] == "alertadmin.x"


@pytest.mark.control(54)
@example(HOSTILE)
@settings(deadline=None)
@given(st.text(st.characters()))
def test_every_message_is_one_printable_line(words: str) -> None:
    for formatter in (TextFormatter(), JsonFormatter()):
        for record in (a_record("%s", words), an_event(words)):
            line = formatter.format(record)
            assert line.isprintable()
            assert len(line.splitlines()) == 1
            if isinstance(formatter, JsonFormatter):
                assert line.isascii()
                assert isinstance(json.loads(line), dict)


def an_event(words: str) -> logging.LogRecord:
    record = a_record("x")
    record.event, record.fields = "scan.finished", {"what": words}
    return record


SECRETS = {
    "a JWT": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    "a client secret": "abc8Q~canarycanarycanarycanarycanary1234",
    "a calendar's path": "/calendar/s3cr3t-t0ken.ics",
    "a hand-over's path": "/secret/s3cr3t-t0ken",
    "a mail address": "ada.lovelace@lakeside.example",
    "a password in a URL": "postgres://app:s3cr3t@db.example/x",
    "a password in a URL of a short host": "redis://:s3cr3t@localhost:6379",
    "a password by its name": "password=s3cr3tvalue",
}


@pytest.mark.control(3, 54)
@pytest.mark.parametrize("what", SECRETS)
def test_secrets_are_redacted_in_every_field(what: str) -> None:
    secret = SECRETS[what]
    with logged(logging.DEBUG) as lines:
        logging.getLogger("alertadmin.x").warning("met %s there", secret)
        log_event(Event.SCAN_FAILED, cause=secret)
        try:
            raise ValueError(f"it was {secret}")
        except ValueError:
            logging.getLogger("alertadmin.x").exception("failed")
    hidden = re.compile(r"s3cr3t|eyJ|canary|lovelace")
    assert len(lines.text) == 3
    assert not hidden.search("\n".join(lines.text + lines.json))
    assert "there" in lines.text[0]


def test_exception_is_logged_with_first_line_and_frames() -> None:
    try:
        raise ValueError("no such thing\nDETAIL: Failing row contains (ada)") from KeyError("x")
    except ValueError:
        record = logging.LogRecord("alertadmin.x", logging.ERROR, "x.py", 1, "failed", (), sys.exc_info())
    line = TextFormatter().format(record)
    assert 'exception="ValueError: no such thing"' in line
    assert "tests/operator_log/test_formats.py:" in line
    assert "caused_by=KeyError" in line
    assert "Failing row" not in line


def test_lines_of_a_request_have_its_id() -> None:
    token = set_request_id("abcdef0123456789")
    try:
        with logged() as lines:
            log_event(Event.SCAN_FINISHED)
            logging.getLogger("alertadmin.x").info("said")
    finally:
        reset_request_id(token)
    assert [one["request_id"] for one in lines.objects] == ["abcdef0123456789"] * 2


def test_long_value_is_truncated() -> None:
    assert len(TextFormatter().format(a_record("%s", "x" * 100_000))) < 2500


@pytest.mark.parametrize(("is_well", "level", "state"), [(True, "INFO", "well"), (False, "ERROR", "not_well")])
def test_changed_part_of_readyz_is_logged(is_well: bool, level: str, state: str) -> None:
    with logged() as lines:
        log_part_change("broker", is_well, "network")
    [line] = lines.of("part.changed")
    assert (line["level"], line["part"], line["state"], line["cause"]) == (level, "broker", state, "network")


@pytest.mark.parametrize(
    ("address", "domain"),
    [("ada@Lakeside.example", "lakeside.example"), ("On call", None), ("", None), ("@x.example", None), ("a@", None)],
)
def test_only_the_domain_of_a_recipient_is_logged(address: str, domain: str | None) -> None:
    assert domain_of(address) == domain


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["manage.py", "send_reminders"], "send_reminders"),
        (["/srv/manage.py", "up"], "up"),
        (["/srv/bin/alertadmin", "prune"], "prune"),
        (["/x/site-packages/alertadmin/__main__.py", "up"], "up"),
        (["manage.py", "--help\n"], "manage"),
        (["/x/granian/__main__.py"], "web"),
        (["/x/celery"], "celery"),
        (["/x/pytest/__main__.py"], "pytest"),
        ([], "python"),
    ],
)
def test_process_name_follows_the_command_line(argv: list[str], name: str) -> None:
    assert name_from(argv) == name
