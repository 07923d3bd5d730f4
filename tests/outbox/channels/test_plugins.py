"""Which of apprise's services are taken, all of them looked at; and how a text is fitted into messages."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from apprise.plugins.base import NotifyBase
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.outbox.channels.apprise import plugins

REFUSED = {
    "amqp", "aprs", "blink1", "dbus", "deltachat", "email", "glib", "gnome", "growl", "irc", "macosx", "mqtt", "nostr",
    "rsyslog", "smpp", "syslog", "windows", "xmpp",
}  # fmt: skip
BY_ITSELF = re.compile(
    r"^\s*(?:import|from)\s+\S*\b(?:socket|ssl|smtplib|subprocess|ctypes|asyncio|http\.client)\b", re.M
)


@pytest.fixture(scope="module")
def services() -> list[type[NotifyBase]]:
    return plugins.load_all()


def _kind(plugin: type[NotifyBase]) -> str:
    return plugin.__module__.removeprefix("apprise.plugins.").partition(".")[0]


def test_what_is_refused_is_what_does_not_speak_http(services: list[type[NotifyBase]]) -> None:
    assert {_kind(plugin) for plugin in services if not plugins.uses_requests(plugin)} == REFUSED
    assert len(services) > 150


def test_nothing_that_is_taken_connects_or_starts_programs_by_itself(services: list[type[NotifyBase]]) -> None:
    for plugin in services:
        if plugins.uses_requests(plugin):
            for name in plugins.modules_of(plugin):
                file = sys.modules[name].__file__
                assert file is not None
                assert not BY_ITSELF.search(Path(file).read_text(encoding="utf-8")), name


def test_what_a_send_sets_can_be_set_on_all_that_are_taken(services: list[type[NotifyBase]]) -> None:
    for plugin in services:
        for name in ("overflow_mode", "request_rate_per_sec", "retry"):
            assert not isinstance(getattr(plugin, name, None), property), plugin


@given(st.lists(st.text("ab ", max_size=30), max_size=60), st.integers(10, 80))
def test_whole_lines_are_kept_and_the_others_counted(lines: list[str], largest: int) -> None:
    text = "\n".join(lines)
    fitted = plugins.fitted(text, largest)
    if fitted != text:
        *kept, last = fitted.split("\n")
        assert kept == text.splitlines()[: len(kept)]
        assert last == f"[… +{len(text.splitlines()) - len(kept)}]"
    assert len(fitted) <= plugins.MAX_PIECES * largest + len("[… +60]")


def test_a_line_that_is_longer_than_all_messages_is_counted_too() -> None:
    assert plugins.fitted("x" * 10_000, 100) == "[… +1]"
