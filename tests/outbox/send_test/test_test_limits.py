"""Test sends from pages are limited by user, tenant and destination, also for parallel requests."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from alertadmin.accounts.models import AuditEntry, ThrottleCounter, User
from alertadmin.environment import BadEnvironment, Environment
from alertadmin.outbox.models import Channel, Delivery
from alertadmin.outbox.send_test.test_limits import TooManyTests, count_test
from tests.factories import Site
from tests.helpers.login import signed_in_at

pytestmark = pytest.mark.control(57)

TENANT = UUID(int=1)


@pytest.fixture(autouse=True)
def three_an_hour(settings: Settings) -> None:
    settings.TESTS_PER_HOUR = 3


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create(email="grace@northpark.example")


@pytest.fixture
def at_that_time(now: datetime) -> Iterator[None]:
    with time_machine.travel(now, tick=False):
        yield


def let(count: int, by: User, now: datetime, *, tenant: UUID | None = TENANT, to: str = "me@x.example") -> int:
    """How many of so many were let."""
    done = 0
    for _number in range(count):
        try:
            count_test(by, tenant, to, now)
        except TooManyTests:
            continue
        done += 1
    return done


def test_a_person_starts_so_many_in_an_hour_and_as_many_in_the_next(person: User, now: datetime) -> None:
    assert let(5, person, now) == 3
    assert let(1, person, now + timedelta(minutes=59)) == 0
    assert let(5, person, now + timedelta(minutes=61)) == 3


def test_of_a_tenant_twice_as_many_are_started_by_however_many(db: None, now: datetime) -> None:
    people = [User.objects.create(email=f"{number}@x.example") for number in range(4)]
    assert sum(let(3, one, now, to=f"me@{uuid4()}.example") for one in people) == 6
    # What the tenant's limit refused does not count against the user.
    assert let(3, people[3], now, tenant=UUID(int=2), to="me@y.example") == 3


def test_to_a_domain_four_times_as_many_go_from_however_many_tenants(db: None, now: datetime) -> None:
    people = [User.objects.create(email=f"{number}@x.example") for number in range(6)]
    addresses = ("a@Victim.example", "b@victim.example", "c@VICTIM.example")
    let_in = [let(1, one, now, tenant=uuid4(), to=address) for one in people for address in addresses]
    assert sum(let_in) == 12


@pytest.mark.django_db(transaction=True)
def test_of_fifty_at_once_as_many_are_let_as_one_after_the_other(person: User, now: datetime) -> None:
    def start(_number: int) -> int:
        try:
            return let(1, person, now)
        finally:
            connection.close()

    with ThreadPoolExecutor(50 if connection.vendor == "postgresql" else 8) as pool:
        assert sum(pool.map(start, range(50))) == 3
    assert sorted(ThrottleCounter.objects.values_list("count", flat=True)) == [3, 3, 3]


def test_refusal_states_the_time_and_nothing_is_sent(
    client: Client, administrator: User, site: Site, at_that_time: None
) -> None:
    signed_in = signed_in_at(client, administrator)
    form = {"recipient": "me@northpark.example", "transport": "graph"}
    url = reverse("test-send", args=[site.mailbox.pk])
    assert [signed_in.post(url, form).status_code for _number in range(4)] == [302, 302, 302, 429]
    page = signed_in.post(url, form).content.decode()
    assert "Nothing was sent: there were too many tests within an hour. Try again in 60 minutes." in page
    assert 'value="me@northpark.example"' in page
    assert Delivery.objects.count() == 3
    results = AuditEntry.objects.filter(act="mailbox.test_sent").values_list("result", flat=True)
    assert sorted(results) == ["done"] * 3 + ["refused"] * 2
    # The same holds for a test as another mailbox, and where the guide or a channel starts one.
    other = signed_in.post(reverse("mailbox-scope", args=[site.mailbox.pk]), {"other": "boss@northpark.example"})
    assert other.status_code == 429
    assert "too many tests" in other.content.decode()
    channel = Channel(name="ops", service="webhook", label="Webhook", hint="hooks.example")
    channel.address = "https://hooks.example/token"
    channel.save()
    told = signed_in.post(reverse("channel-test", args=[channel.pk]), follow=True).content.decode()
    assert "too many tests" in told
    assert Delivery.objects.count() == 3


@pytest.mark.parametrize("value", ["0", "-1", "many", "10001", "1.5"])
def test_a_setting_that_is_no_number_of_tests_is_refused(value: str, data_folder: object) -> None:
    with pytest.raises(BadEnvironment, match="such as 30"):
        _ = Environment(data_folder, {"ALERTADMIN_TESTS_PER_HOUR": value}).tests_per_hour  # type: ignore[arg-type]


def test_thirty_an_hour_unless_the_operator_says_otherwise(data_folder: object) -> None:
    assert Environment(data_folder, {}).tests_per_hour == 30  # type: ignore[arg-type]
