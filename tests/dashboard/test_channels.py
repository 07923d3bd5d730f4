"""The pages of channels: set up, tried, paused, taken away; the address goes in and never comes out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from alertadmin.dashboard.channels.failure_help import explain_failure
from alertadmin.dashboard.channels.service_catalog import KINDS, named, of_service
from alertadmin.dashboard.overview.action_items import find_action_items
from alertadmin.outbox import messages, worker
from alertadmin.outbox.models import Attempt, Channel, Delivery, DeliveryState
from alertadmin.registry.models import Tenant
from alertadmin.reminders.scan import scanner
from mailer.http.ssrf_guard import EgressAllowlist
from tests.conftest import NOW
from tests.factories import Rows
from tests.helpers.access import everything
from tests.mailer.https_server import reply
from tests.outbox.channels.http_server import HttpServer

TOKEN = "token-5f1b2c3d-canary"


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings: Settings) -> None:
    settings.INSIDE_TARGETS = EgressAllowlist.parse("127.0.0.0/8, ::1")


@pytest.fixture
def receiver() -> Iterator[HttpServer]:
    with HttpServer() as server:
        server.routes[""] = reply(200, "ok")
        yield server


@pytest.fixture
def tenant(rows: Rows) -> Tenant:
    return rows.tenant(contacts=["duty@northpark.example"])


def add(client: Client, kind: str, address: str, *, place: str = "", **fields: Any) -> HttpResponse:
    data = {"id": uuid4(), "name": "Ops", "line": "1", "new_address": address, **fields}
    return client.post(f"{reverse('channel-add')}?kind={kind}{place}", data)  # type: ignore[return-value]


def edit(client: Client, channel: Channel, **fields: Any) -> HttpResponse:
    data = {"name": channel.name, "line": channel.line or 0, "new_address": "", **fields}
    return client.post(reverse("channel-edit", args=[channel.pk]), data)  # type: ignore[return-value]


def errors(response: HttpResponse) -> str:
    found = re.findall(r'class="errors".*?</div>', response.content.decode(), re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", one) for one in found)


def act(client: Client, name: str, channel: Channel) -> HttpResponse:
    return client.post(reverse(name, args=[channel.pk]))  # type: ignore[return-value]


def text_of(client: Client, url: str) -> str:
    return client.get(url).content.decode()


# Setting up


def test_the_kinds_are_offered_each_with_where_its_address_comes_from(signed_in: Client, tenant: Tenant) -> None:
    page = text_of(signed_in, f"{reverse('channel-add')}?tenant={tenant.pk}")
    for kind in KINDS:
        assert str(kind.how).replace("'", "&#x27;") in page
        assert f"?kind={kind.slug}&amp;tenant={tenant.pk}" in page or f"?kind={kind.slug}&tenant={tenant.pk}" in page


def test_a_webhook_is_added_and_its_key_shown_this_once(signed_in: Client, receiver: HttpServer) -> None:
    page = add(signed_in, "webhook", f"{receiver.url}/{TOKEN}").content.decode()
    [channel] = Channel.objects.all()
    assert channel.signing_key is not None
    key = channel.signing_key.decrypt()
    assert key in page
    assert (channel.label, channel.hint) == ("Webhook", f"localhost:{receiver.port}")
    for url in (channel.get_absolute_url(), reverse("channel-edit", args=[channel.pk]), reverse("channels")):
        shown = text_of(signed_in, url)
        assert key not in shown
        assert TOKEN not in shown


def test_a_form_that_is_sent_twice_adds_one_channel(signed_in: Client, receiver: HttpServer) -> None:
    same = uuid4()
    for _time in range(2):
        add(signed_in, "webhook", receiver.url, id=same)
    assert Channel.objects.count() == 1


@pytest.mark.parametrize("scope", ["", "tenant", "app"])
def test_it_is_of_the_installation_a_tenant_or_an_app(
    signed_in: Client, tenant: Tenant, rows: Rows, scope: str
) -> None:
    places = {"": None, "tenant": tenant, "app": rows.app(tenant)}
    place = places[scope]
    add(signed_in, "ntfy", "ntfy://alerts", place=f"&{scope}={place.pk}" if place else "")
    channel = Channel.objects.get()
    assert (channel.app or channel.tenant) == place
    policy = {"": "policies", "tenant": "tenant-policy", "app": "app-policy"}[scope]
    assert channel.get_absolute_url() in text_of(signed_in, reverse(policy, args=[place.pk] if place else []))


@pytest.mark.parametrize(
    ("kind", "address", "says"),
    [
        ("slack", f"https://hooks.example/{TOKEN}", "is for Webhook, not for Slack"),
        ("webhook", f"ftp://hooks.example/{TOKEN}", "No service is known"),
        ("webhook", f"hooks.example/{TOKEN}", "An address starts with https:// or with the name of a"),
        ("webhook", f"https://10.0.0.1/{TOKEN}", "is inside the network"),
        ("webhook", f"http://[::ffff:10.0.0.1]/{TOKEN}", "is inside the network"),
        ("webhook", f"http://0x0a000001/{TOKEN}", "is inside the network"),
        ("other", f"gotify://192.168.1.5/{TOKEN}", "is inside the network"),
        ("other", "syslog://", "This service is not called over the web;"),
        ("ntfy", "", "required"),
    ],
)
def test_a_wrong_address_is_explained_and_not_sent_back(signed_in: Client, kind: str, address: str, says: str) -> None:
    response = add(signed_in, kind, address)
    assert response.status_code == 422
    assert says in errors(response)
    assert TOKEN not in response.content.decode()
    assert not Channel.objects.exists()


def test_a_channel_that_would_never_be_told_is_refused(signed_in: Client) -> None:
    response = add(signed_in, "ntfy", "ntfy://alerts", line="0")
    assert "This channel would never be notified." in errors(response)
    add(signed_in, "ntfy", "ntfy://alerts", line="0", is_last_resort="on")
    assert Channel.objects.get().is_last_resort


def test_a_tenant_s_channel_is_no_last_resort(signed_in: Client, tenant: Tenant) -> None:
    add(signed_in, "ntfy", "ntfy://alerts", place=f"&tenant={tenant.pk}", is_last_resort="on")
    assert not Channel.objects.get().is_last_resort


@pytest.fixture
def channel(signed_in: Client, receiver: HttpServer) -> Channel:
    add(signed_in, "webhook", f"{receiver.url}/{TOKEN}")
    return Channel.objects.get()


def address_of(channel: Channel) -> str:
    stored = Channel.objects.get(pk=channel.pk).address
    assert stored is not None
    return stored.decrypt()


def test_an_empty_address_keeps_the_stored_one_and_a_wrong_one_too(signed_in: Client, channel: Channel) -> None:
    before = address_of(channel)
    edit(signed_in, channel, name="Duty")
    assert (address_of(channel), Channel.objects.get().name) == (before, "Duty")
    response = edit(signed_in, channel, name="Other", new_address="https://10.0.0.1/")
    assert "is inside the network" in errors(response)
    assert (address_of(channel), Channel.objects.get().name) == (before, "Duty")
    edit(signed_in, channel, new_address="https://hooks.example/new")
    assert address_of(channel) == "https://hooks.example/new"


def test_a_new_key_replaces_the_old_one(signed_in: Client, channel: Channel) -> None:
    assert channel.signing_key is not None
    old = channel.signing_key.decrypt()
    page = act(signed_in, "channel-key", channel).content.decode()
    channel.refresh_from_db()
    assert channel.signing_key.decrypt() != old
    assert channel.signing_key.decrypt() in page


def test_without_a_key_to_seal_with_nothing_is_stored(signed_in: Client, settings: Settings) -> None:
    from tests.conftest import set_environment

    set_environment(settings, KEYS_FILE="/nowhere/keys.json")
    assert "key" in add(signed_in, "ntfy", "ntfy://alerts").content.decode()
    assert not Channel.objects.exists()


# How it stands


def stands(client: Client, channel: Channel) -> str:
    page = text_of(client, channel.get_absolute_url())
    found = re.search(r'<p class="sentence">.*?</p>', page, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


def test_it_is_never_tried_works_fails_since_and_is_paused(
    signed_in: Client, channel: Channel, receiver: HttpServer
) -> None:
    assert stands(signed_in, channel) == "never used"
    Delivery.objects.filter(purpose="house").delete()  # owners are told of the channel by mail, which is not sent here
    progress = act(signed_in, "channel-test", channel)
    worker.deliver_due()
    page = text_of(signed_in, progress["Location"])
    assert "The channel was notified" in page
    assert "Address reached" in page
    assert stands(signed_in, channel).startswith("works")
    receiver.routes = {"": reply(404)}
    progress = act(signed_in, "channel-test", channel)
    worker.deliver_due()
    assert "The service does not know this address, or no longer does." in text_of(signed_in, progress["Location"])
    assert stands(signed_in, channel).startswith("fails since")
    assert "The service does not know this address, or no longer does." in text_of(
        signed_in, channel.get_absolute_url()
    )
    act(signed_in, "channel-pause", channel)
    assert stands(signed_in, channel) == "paused"
    act(signed_in, "channel-pause", channel)
    Delivery.objects.filter(purpose="house").delete()  # so of the pauses
    receiver.routes = {"": reply(200)}
    act(signed_in, "channel-test", channel)
    worker.deliver_due()
    assert stands(signed_in, channel).startswith("works")


def attempted(channel: Channel, outcome: str, days_ago: float) -> None:
    delivery = Delivery.objects.create(
        purpose="test", dedupe_key=str(uuid4()), recipient="Ops", channel=channel, channel_label="Webhook"
    )
    Attempt.objects.create(
        delivery=delivery,
        number=1,
        owner=uuid4(),
        channel=channel,
        outcome=outcome,
        started_at=NOW - timedelta(days=days_ago),
    )


def test_a_channel_fails_since_its_first_failure_after_it_last_worked(channel: Channel) -> None:
    from alertadmin.outbox.channels import health

    for outcome, days in [("refused", 9), ("accepted", 8), ("refused", 7), ("unknown", 3), ("open", 1)]:
        attempted(channel, outcome, days)
    [found] = health.with_attempts(Channel.objects.all())
    assert health.ChannelHealth.of(found) == health.ChannelHealth(health.HealthState.FAILS, NOW - timedelta(days=7))


def test_a_channel_that_fails_needs_somebody_and_a_paused_one_does_not(channel: Channel) -> None:
    attempted(channel, "refused", 1)
    [need] = [need for need in find_action_items(NOW, everything()) if need.state == "channel failing"]
    assert (need.what, need.url) == ("Ops", channel.get_absolute_url())
    Channel.objects.update(is_paused=True)
    assert not [need for need in find_action_items(NOW, everything()) if need.state == "channel failing"]


# Where it is seen


def test_deleting_cancels_what_waits_and_it_is_owed_anew(
    signed_in: Client, channel: Channel, rows: Rows, administrator: object
) -> None:
    now = timezone.now()
    rows.credential(rows.app(rows.tenant()), expires_at=now + timedelta(days=20))
    scanner.run(now)
    delivery = channel.deliveries.get()
    assert "1 message waiting for it" in text_of(signed_in, reverse("channel-delete", args=[channel.pk]))
    act(signed_in, "channel-delete", channel)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == (DeliveryState.CANCELLED, messages.CHANNEL_DELETED)
    assert "The channel was deleted." in text_of(signed_in, reverse("delivery", args=[delivery.pk]))


def test_a_secret_s_page_shows_the_channels_that_will_be_told(signed_in: Client, channel: Channel, rows: Rows) -> None:
    credential = rows.credential(rows.app(rows.tenant()), days=2000)
    assert channel.get_absolute_url() in text_of(signed_in, credential.get_absolute_url())


def test_a_delivery_that_went_by_last_resort_says_so(signed_in: Client, channel: Channel) -> None:
    delivery = Delivery.objects.create(
        purpose="reminder", dedupe_key="x", recipient="duty@northpark.example", state="sent"
    )
    Attempt.objects.create(
        delivery=delivery,
        number=1,
        owner=uuid4(),
        route="Ops, Webhook",
        transport="channel",
        channel=channel,
        outcome="accepted",
        started_at=NOW,
    )
    assert "No mail was sent to this recipient." in text_of(signed_in, reverse("delivery", args=[delivery.pk]))


# Words


@pytest.mark.parametrize(
    ("cause", "technical", "says"),
    [
        ("other", "HTTP 401", "The service rejects this address:"),
        ("other", "HTTP 410: gone", "The service does not know this address, or no longer does."),
        ("other", "HTTP 400: no_text", "(HTTP 400)"),
        ("transient", "HTTP 500", "it may still have delivered the message."),
        ("throttled", "HTTP 429", "The service asks to wait. alertadmin retries automatically."),
        ("network", "connection refused", "could not be reached"),
        ("network", messages.INTERNAL_ADDRESS, ""),
        ("other", "something else", ""),
    ],
)
def test_each_failure_is_told_in_words_for_who_set_it_up(cause: str, technical: str, says: str) -> None:
    said = explain_failure(cause, technical)
    assert (says in said) if says else said == ""


def test_a_stored_service_leads_back_to_its_kind() -> None:
    assert [of_service(name).slug for name in ("workflows", "slack", "webhook", "gotify")] == [
        "teams",
        "slack",
        "webhook",
        "other",
    ]
    assert named("nothing") is None
