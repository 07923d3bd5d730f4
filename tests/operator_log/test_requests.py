"""Each HTTP request has an id: in its answer, in its lines, in the audit trail, in the tasks that it causes."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction
from alertadmin.audit.models import AuditEntry
from alertadmin.celery import app
from alertadmin.operator_log import context, middleware
from alertadmin.operator_log.celery_signals import KEY
from alertadmin.operator_log.middleware import RequestIdMiddleware
from alertadmin.outbox.queue import wakeup
from tests.helpers.login import signed_in_at
from tests.operator_log.lines import logged

UUID = "0d6a8c3e-7f44-4b1e-9d1a-2f1d0c9b8a77"


def answer_to(said: str = "", status: int = 200, path: str = "/apps/") -> HttpResponse:
    headers: dict[str, Any] = {"HTTP_X_REQUEST_ID": said} if said else {}
    return RequestIdMiddleware(lambda _request: HttpResponse(status=status))(RequestFactory().get(path, **headers))


def test_each_request_has_its_own_id() -> None:
    first, second = answer_to()["X-Request-ID"], answer_to()["X-Request-ID"]
    assert len(first) == len(second) == 16
    assert first != second


@pytest.mark.parametrize(
    ("said", "proxies", "is_taken"),
    [
        (UUID, 1, True),
        ("a" * 32, 2, True),
        (UUID, 0, False),  # from anybody
        ("short", 1, False),
        ("a" * 65, 1, False),
        ("-leading-dash-", 1, False),
        ("two words here", 1, False),
        ("x=1 level=ERROR", 1, False),
        ("abcdefgh\x9b31m", 1, False),
        ("абвгдежз", 1, False),
        ("abcdefgh\n", 1, False),
    ],
)
def test_proxys_id_is_used_if_trusted_and_valid(settings: Any, said: str, proxies: int, is_taken: bool) -> None:
    settings.PROXIES = proxies
    assert (answer_to(said)["X-Request-ID"] == said) is is_taken


@pytest.mark.parametrize(
    ("status", "path", "level"),
    [
        (200, "/apps/", "DEBUG"),
        (302, "/apps/", "DEBUG"),
        (403, "/apps/", "DEBUG"),
        (404, "/wp-admin/", "DEBUG"),
        (500, "/apps/", "ERROR"),
        (503, "/apps/", "ERROR"),
        (503, "/readyz", "DEBUG"),  # its parts have lines of their own
    ],
)
def test_only_server_errors_are_logged_by_default(status: int, path: str, level: str) -> None:
    with logged(logging.DEBUG) as lines:
        identity = answer_to(status=status, path=path)["X-Request-ID"]
    [line] = lines.of("http.request")
    assert (line["level"], line["status"], line["path"], line["request_id"]) == (level, status, path, identity)
    assert line["duration_ms"] >= 0


def test_slow_page_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "SLOW", -1.0)
    with logged() as lines:
        answer_to()
    assert lines.of("http.request")[0]["level"] == "WARNING"


def test_id_ends_with_the_request() -> None:
    def fails(_request: HttpRequest) -> HttpResponse:
        raise ValueError

    with pytest.raises(ValueError):
        RequestIdMiddleware(fails)(RequestFactory().get("/"))
    assert context.request_id() == ""


def test_audit_trail_has_the_same_id(settings: Any, client: Client, administrator: User) -> None:
    settings.PROXIES = 1
    signed_in_at(client, administrator).post(reverse("audit-export"), {"format": "csv"}, headers={"X-Request-ID": UUID})
    assert AuditEntry.objects.get(act=AuditAction.EXPORT_DONE).request == UUID.replace("-", "")


def test_task_has_the_id_of_its_request() -> None:
    seen: list[str] = []

    @app.task
    def look() -> None:
        seen.append(context.request_id())

    headers: dict[str, str] = {}
    token = context.set_request_id("abcdef0123456789")
    try:
        before_task_publish.send(sender="x", headers=headers, body=None)
    finally:
        context.reset_request_id(token)
    assert headers == {KEY: "abcdef0123456789"}
    look.apply(headers=headers)
    look.apply()
    assert seen == ["abcdef0123456789", ""]


@pytest.mark.django_db(transaction=True)
def test_worker_notification_has_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    rung, seen = threading.Event(), []

    def send(_task: str) -> None:
        seen.append(context.request_id())
        rung.set()

    monkeypatch.setattr(wakeup, "_send", send)
    token = context.set_request_id("abcdef0123456789")
    try:
        wakeup.notify_worker("a task of this test")
    finally:
        context.reset_request_id(token)
    assert rung.wait(10)
    assert seen == ["abcdef0123456789"]
