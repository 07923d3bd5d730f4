"""Items 15 and 18: warnings for the operator. With a proxy that ALERTADMIN_PROXIES does not count, all users share one
address; a kernel without Landlock or seccomp confines channel services less."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from time import monotonic

import pytest
from django.test import Client
from pytest_django import Settings

from alertadmin.accounts import uncounted_proxy
from alertadmin.accounts.models import User
from alertadmin.outbox.channels.apprise import landlock
from tests.helpers.login import signed_in_at

pytestmark = pytest.mark.control(117)


@pytest.fixture
def signed_in(administrator: User) -> Client:
    return signed_in_at(Client(), administrator)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    uncounted_proxy.forget()
    yield
    uncounted_proxy.forget()


def codes(client: Client) -> list[str]:
    return [one["code"] for one in client.get("/readyz").json()["notices"]]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_15_a_proxy_that_is_not_counted_is_said(
    signed_in: Client, settings: Settings, header: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings.PROXIES = 0
    assert "proxy_uncounted" not in codes(signed_in)
    with caplog.at_level(logging.WARNING, logger=uncounted_proxy.log.name):
        for _request in range(3):
            Client().get("/healthz", headers={header: "203.0.113.9"})
    assert [one.message.count("ALERTADMIN_PROXIES is 0") for one in caplog.records] == [1], "once"
    assert "proxy_uncounted" in codes(signed_in)
    assert "Requests come through a proxy" in signed_in.get("/watching/").content.decode()


def test_15_it_is_told_to_those_alone_who_may_know_and_nothing_fails_for_it(
    signed_in: Client, settings: Settings
) -> None:
    settings.PROXIES = 0
    before = Client().get("/readyz")
    after = Client().get("/readyz", headers={"X-Forwarded-For": "203.0.113.9"})
    assert (before.status_code, before.json()) == (after.status_code, after.json())
    assert "notices" not in after.json()


def test_15_a_proxy_that_is_counted_is_none(signed_in: Client, settings: Settings) -> None:
    settings.PROXIES = 1
    signed_in.get("/", headers={"X-Forwarded-For": "203.0.113.9"})
    assert "proxy_uncounted" not in codes(signed_in)


def test_15_a_day_later_it_is_forgotten(signed_in: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PROXIES = 0
    signed_in.get("/", headers={"Forwarded": "for=203.0.113.9"})
    later = monotonic() + uncounted_proxy.REMEMBERED
    monkeypatch.setattr(uncounted_proxy, "monotonic", lambda: later)
    assert "proxy_uncounted" not in codes(signed_in)


@pytest.mark.control(102)
def test_18_a_kernel_without_landlock_is_said(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert "services_unconfined" in codes(signed_in)
    assert "lacks Landlock" in signed_in.get("/watching/").content.decode()
