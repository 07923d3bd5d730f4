"""Items 16 and 25: any number of anonymous requests leave no permanent rows, except bounded ones."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from alertadmin import audit
from alertadmin.accounts import retention
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction, AuditEntry
from alertadmin.audit.log import ANONYMOUS_REFUSALS, REFUSALS_OF_OBJECT
from alertadmin.outbox.mails.password_reset import UNKNOWN_ADDRESSES
from alertadmin.outbox.models import Delivery
from alertadmin.registry.credentials import one_time_link
from tests.accounts.oidc.conftest import Entra, entra  # noqa: F401 (a fixture)
from tests.conftest import NOW
from tests.factories import Rows
from tests.helpers.login import signed_in_at
from tests.security.route_matrix import routes

pytestmark = pytest.mark.control(89)

TEMPORARY = {"accounts.ThrottleCounter", "sessions.Session"}
"""Counters and the sessions of browsers that began to sign in; both expire."""
GARBAGE = [
    {},
    {"state": "x", "error": "access_denied", "tenant": "x"},
    {"code": "x", "state": "y", "iss": "https://evil.example"},
    {"username": "made-up@x.example", "password": "wrong password", "email": "made-up@x.example"},
    {"token": "x" * 300, "next": "//evil.example", "invitation": "x"},
    {"\u202e": "\ud83d\ude00", "id": "9" * 30},
]


def all_rows() -> Counter[str]:
    return Counter(
        {
            model._meta.label: model._base_manager.count()
            for model in apps.get_models()
            if model._meta.managed and model._meta.label not in TEMPORARY
        }
    )


def ask_everything(number: int) -> int:
    """How many requests that were, each by a browser that brings nothing."""
    asked = 0
    for route in routes():
        is_number = type(route.converters.get("pk")).__name__ == "IntConverter"
        address = route.address(10**9 + number if is_number else uuid.uuid4()).replace("/x/", f"/{uuid.uuid4().hex}/")
        for method in ("get", "post"):
            getattr(Client(), method)(address, GARBAGE[number % len(GARBAGE)])
            asked += 1
    return asked


@pytest.mark.parametrize("rounds", [range(3, 5), pytest.param(range(6), marks=pytest.mark.slow)], ids=str)
def test_16_strangers_leave_a_bounded_number_of_entries_and_no_other_row(administrator: User, rounds: range) -> None:
    before, asked = all_rows(), 0
    with time_machine.travel(NOW, tick=False):
        for number in rounds:
            asked += ask_everything(number)
    assert asked > 150 * len(rounds)
    grown = all_rows() - before
    assert set(grown) <= {"accounts.AuditEntry", "outbox.Delivery"}
    assert grown["accounts.AuditEntry"] <= 3 * ANONYMOUS_REFUSALS.most
    assert grown["outbox.Delivery"] <= UNKNOWN_ADDRESSES.most


@pytest.mark.postgresql
def test_16_new_passwords_for_made_up_addresses_are_counted(db: None) -> None:
    with time_machine.travel(NOW, tick=False):
        for number in range(UNKNOWN_ADDRESSES.most + 50):
            Client().post("/forgotten-password/", {"email": f"made-up{number}@x.example"})
    assert Delivery.objects.count() == UNKNOWN_ADDRESSES.most


def test_16_many_returns_from_the_consent_page_leave_nothing(administrator: User) -> None:
    before, client = all_rows(), Client()
    for number in range(2 * ANONYMOUS_REFUSALS.most):
        client.get(reverse("consent-return"), {"state": f"x{number}", "error": "access_denied"})
    assert all_rows() == before


def test_16_a_link_to_a_secret_that_was_opened_fills_no_record(administrator: User, rows: Rows) -> None:
    secret = rows.credential(value="abc8Q~opened.once-opened_once~opened.once1")
    with time_machine.travel(NOW, tick=False):
        token = one_time_link.create(
            secret, recipient="Plant", reason="x", lifetime=timedelta(days=1), by=administrator, now=NOW
        )
        for _time in range(REFUSALS_OF_OBJECT.most + 30):
            Client().post(reverse("secret-link", args=[token]))
    results = Counter(AuditEntry.objects.filter(act=AuditAction.SECRET_LINK_OPENED).values_list("result", flat=True))
    assert results == {"done": 1, "refused": REFUSALS_OF_OBJECT.most}


@pytest.mark.postgresql
def test_25_returns_of_strangers_from_a_provider_are_counted(entra: Entra) -> None:  # noqa: F811
    before = all_rows()
    with time_machine.travel(NOW, tick=False):
        for number in range(ANONYMOUS_REFUSALS.most + 40):
            Client().get("/sign-in/with/northpark/back/", {"code": "x", "state": f"y{number}"})
    grown = all_rows() - before
    assert set(grown) <= {"accounts.AuditEntry"}
    assert grown["accounts.AuditEntry"] <= ANONYMOUS_REFUSALS.most


def test_25_the_next_hour_says_how_many_were_left_out(administrator: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for _number in range(ANONYMOUS_REFUSALS.most + 150):
            audit.record_refusal(AuditAction.SESSION_SIGNED_IN, result="refused")
        assert AuditEntry.objects.count() == ANONYMOUS_REFUSALS.most
        for _number in range(REFUSALS_OF_OBJECT.most + 5):
            audit.record_refusal(AuditAction.SESSION_SIGNED_IN, administrator, result="refused")
        assert AuditEntry.objects.filter(object_id=str(administrator.pk)).count() == REFUSALS_OF_OBJECT.most, (
            "a flood of others hides no try of an account that is here"
        )
        clock.shift(timedelta(hours=1))
        entry = audit.record_refusal(AuditAction.SESSION_SIGNED_IN, result="refused")
        assert entry is not None
        assert entry.details == {"left_out": 150}


@pytest.mark.postgresql
def test_16_sessions_without_a_person_are_bounded_and_those_of_people_stay(administrator: User, client: Client) -> None:
    signed_in_at(client, administrator)
    client.get(reverse("overview"))
    keys = []
    for _visit in range(12):
        stranger = Client()
        stranger.get(reverse("passkey-sign-in"))
        keys.append(stranger.session.session_key)
    assert Session.objects.filter(session_key__in=keys).count() == 12
    assert retention.limit_anonymous_sessions(most=5) == 7
    assert {*Session.objects.values_list("session_key", flat=True)} == {client.session.session_key, *keys[-5:]}
    assert retention.limit_anonymous_sessions(most=5) == 0
    assert client.get(reverse("overview")).status_code == 200
