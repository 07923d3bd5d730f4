"""The verifier of docs/webhooks.md, taken out of the document and run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.outbox.channels import webhook
from tests.mailer.https_server import Request
from tests.outbox.channels.conftest import LOOPBACK, NOTICE
from tests.outbox.channels.http_server import HttpServer
from tests.outbox.channels.test_webhook import NOW

pytestmark = pytest.mark.control(48)

DOCUMENT = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
Verifier = Callable[..., bool]


def _verifier() -> Verifier:
    snippets: list[str] = re.findall(r"```python\n(.*?)```", DOCUMENT, re.S)
    (snippet,) = snippets
    names: dict[str, Any] = {}
    exec(snippet, names)
    found: Verifier = names["is_ours"]
    return found


is_ours = _verifier()
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
SECOND = int(NOW.timestamp())


def headers_of(key: str, body: bytes, at: int = SECOND) -> dict[str, str]:
    return {"Alertadmin-Timestamp": str(at), "Alertadmin-Signature": webhook.signature_of(key, str(at), body)}


@pytest.fixture
def arrived(server: HttpServer) -> Request:
    webhook.post(f"{server.url}/hook", NOTICE, allowed=LOOPBACK, signing_key="a key", now=NOW)
    (request,) = server.requests
    return request


def as_written(request: Request) -> dict[str, str]:
    return {name.title(): value for name, value in request.headers.items()}


def test_what_arrives_is_ours(arrived: Request) -> None:
    assert is_ours("a key", as_written(arrived), arrived.body, now=NOW.timestamp())
    assert is_ours("a key", as_written(arrived), arrived.body, now=NOW.timestamp() + 290)


def test_with_another_key_or_time_or_a_byte_changed_it_is_not(arrived: Request) -> None:
    headers, now = as_written(arrived), NOW.timestamp()
    assert not is_ours("a kez", headers, arrived.body, now=now)
    assert not is_ours("a key", headers, arrived.body + b" ", now=now)
    assert not is_ours("a key", headers, arrived.body, now=now + 301)
    assert not is_ours("a key", {**headers, "Alertadmin-Timestamp": str(SECOND + 1)}, arrived.body, now=now)


@given(KEYS, st.binary(max_size=300))
def test_any_signed_body_is_verified(key: str, body: bytes) -> None:
    assert is_ours(key, headers_of(key, body), body, now=SECOND)


@given(KEYS, KEYS, st.binary(max_size=100), st.binary(max_size=100), st.integers(-300, 300))
def test_nothing_else_is(key: str, other: str, body: bytes, changed: bytes, later: int) -> None:
    claimed = {**headers_of(key, body), "Alertadmin-Timestamp": str(SECOND + later)}
    told_alike = (key, body, 0) == (other, changed, later)
    assert is_ours(other, claimed, changed, now=SECOND) == told_alike


@given(st.dictionaries(st.sampled_from(["Alertadmin-Timestamp", "Alertadmin-Signature"]), st.text(max_size=20)))
def test_headers_that_are_missing_or_nonsense_are_refused_and_break_nothing(headers: dict[str, str]) -> None:
    assert not is_ours("a key", headers, b"{}", now=SECOND)


@pytest.mark.parametrize(
    "timestamp",
    ["1" * 13, "1" * 4_301, "1" * 100_000, "\u0661\u0662", "1_0", "+1", "-1", " 1", "1\n", "1.0", "0x1", ""],
)
def test_a_time_that_is_no_time_is_refused_and_breaks_nothing(timestamp: str) -> None:
    """Python reads no number of more than 4,300 digits."""
    signed = {"Alertadmin-Timestamp": timestamp, "Alertadmin-Signature": "v1=" + "0" * 64}
    assert is_ours("a key", signed, b"{}", now=SECOND) is False


def test_the_document_s_example_is_right() -> None:
    example = re.search(r"timestamp `(\d+)` and the body `(.*?)` the signature is\n`(.*?)`", DOCUMENT)
    assert example is not None
    timestamp, body, signature = example.groups()
    assert webhook.signature_of("a key", timestamp, body.encode()) == signature
    claimed = {"Alertadmin-Timestamp": timestamp, "Alertadmin-Signature": signature}
    assert is_ours("a key", claimed, body.encode(), now=int(timestamp))


def test_the_document_shows_the_fields_that_arrive(arrived: Request) -> None:
    sent = set(webhook.content_of(NOTICE))
    shown = re.search(r"\n    \{\n(.*?)\n    \}\n", DOCUMENT, re.S)
    assert shown is not None
    assert set(re.findall(r'^      "(\w+)":', shown[1], re.M)) == sent
    described = re.search(r"\| Field \|.*?\n\n", DOCUMENT, re.S)
    assert described is not None
    assert set(re.findall(r"`(id|event|at|subject|text|items)`", described[0])) == sent
