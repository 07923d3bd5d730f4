"""The actor of every action is recorded: in a request, a command, a task."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from alertadmin.accounts.middleware import ActorMiddleware
from alertadmin.accounts.models import User
from alertadmin.audit import actor
from alertadmin.audit.actor import Actor, acting_as
from alertadmin.celery import app
from alertadmin.management.base import CommandResult, JsonCommand

pytestmark = pytest.mark.control(59)


def asked() -> HttpRequest:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7")
    request.user = User(email="ada@x.example")
    return request


def seen_in(request: HttpRequest) -> Actor:
    seen = []

    def answer(request: HttpRequest) -> HttpResponse:
        seen.append(actor.current())
        return HttpResponse()

    ActorMiddleware(answer)(request)
    return seen[0]


def test_in_a_request_it_is_whoever_is_signed_in_at_that_moment() -> None:
    request = asked()
    seen = seen_in(request)
    assert (seen.kind, seen.address, seen.person) == ("stranger", "192.0.2.7", request.user)
    assert len(seen.request) == 16
    request.user = User(email="later@x.example")
    assert seen.person is request.user
    assert actor.current() == Actor()


def test_each_request_is_another_one() -> None:
    assert seen_in(asked()).request != seen_in(asked()).request


def test_in_a_command_it_is_the_command(db: None) -> None:
    seen = []

    class Command(JsonCommand):
        def work(self, options: dict[str, object]) -> CommandResult:
            seen.append(actor.current().kind)
            return CommandResult(True, {})

    Command.__module__ = "alertadmin.management.commands.rotate_keys"
    Command().handle(json=True)
    assert seen == ["command rotate_keys"]


def test_in_a_task_it_is_the_worker_or_the_clock() -> None:
    seen = []

    @app.task(name="tests.who_acts")
    def who_acts() -> None:
        seen.append(actor.current().kind)

    who_acts.apply()
    who_acts.apply(headers={"by_clock": "1"})
    assert seen == ["worker", "clock"]
    assert actor.current() == Actor()


def test_the_clock_says_that_it_asked() -> None:
    assert all(entry["options"]["headers"] == {"by_clock": "1"} for entry in app.conf.beat_schedule.values())


def test_after_a_block_it_is_who_it_was() -> None:
    with pytest.raises(RuntimeError), acting_as(Actor("clock")):
        raise RuntimeError
    assert actor.current() == Actor()
