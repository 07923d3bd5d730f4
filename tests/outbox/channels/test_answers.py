"""A channel and each answer (`tests.mailer.answers`): the reported failure and outcome."""

from __future__ import annotations

import pytest

from alertadmin.outbox.channels import webhook
from alertadmin.outbox.channels.apprise import service
from mailer.errors import SendError
from tests.mailer.answers import CASES, Case, described, expected, made_of
from tests.mailer.https_server import reply
from tests.outbox.channels.conftest import LOOPBACK, NOTICE
from tests.outbox.channels.http_server import HttpServer

EACH = pytest.mark.parametrize("cases", CASES.values(), ids=list(CASES))


@EACH
def test_webhook(server: HttpServer, cases: list[Case]) -> None:
    made = {}
    for case in cases:
        server.routes[""] = case.answer
        made[case.name] = made_of(
            lambda seconds: webhook.post(f"{server.url}/hook", NOTICE, allowed=LOOPBACK, timeout=seconds),
            is_slow=case.is_slow,
        )
    assert made == {case.name: expected(case.webhook) for case in cases}


@EACH
def test_ntfy(server: HttpServer, cases: list[Case]) -> None:
    url = f"ntfy://127.0.0.1:{server.port}/alerts"
    made = {}
    for case in cases:
        server.routes[""] = case.answer
        made[case.name] = made_of(
            lambda seconds: service.send(url, NOTICE, allowed=LOOPBACK, seconds=max(seconds, 1.0)),
            is_slow=case.is_slow,
        )
    assert made == {case.name: expected(case.ntfy) for case in cases}


@pytest.mark.parametrize(
    "body",
    [
        "<html>", "<HTML lang='en'>", "<!doctype html>", "\n\t <!DOCTYPE html PUBLIC 'x'>", "\ufeff<html>",
        "<!-- hotel -->\n<html>",
    ],
)  # fmt: skip
def test_a_page_is_no_answer_of_a_receiver(server: HttpServer, body: str) -> None:
    server.routes[""] = reply(200, body)
    with pytest.raises(SendError) as caught:
        webhook.post(f"{server.url}/hook", NOTICE, allowed=LOOPBACK)
    assert (described(caught.value), caught.value.outcome) == expected("foreign retry")


@pytest.mark.parametrize("body", ["", "ok", "<ok/>", "<?xml version='1.0'?><ok/>", '{"a": "<html>"}', "thanks <html>"])
def test_other_bodies_are_accepted_with_any_content_type(server: HttpServer, body: str) -> None:
    """PHP declares HTML where nothing is declared."""
    server.routes[""] = reply(200, body, Content_Type="text/html")
    assert webhook.post(f"{server.url}/hook", NOTICE, allowed=LOOPBACK).answer == "HTTP 200"
