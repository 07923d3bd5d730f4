"""One-time links: created and revoked on the settings sheet, opened without an account."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.audit import AuditEntry
from alertadmin.registry.models import AppRegistration, Mailbox, OneTimeLink
from tests.factories import Rows
from tests.helpers.login import signed_in_at

VALUE = "CANARY~link-0123456789"
SAID = {"link-recipient": "Grace Holm", "link-reason": "for ALERT on VF-SRV01", "link-lifetime": "day"}


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    app = rows.app(rows.tenant(domain="northpark.example"))
    rows.credential(app, value=VALUE)
    Mailbox.objects.create(tenant=app.tenant, app=app, address="alarms@northpark.example", transport="graph")
    return app


def text(response: object) -> str:
    return unescape(response.content.decode())  # type: ignore[attr-defined]


def make(client: Client, app: AppRegistration, **changed: str) -> HttpResponse:
    url = reverse("app-link", args=[app.pk])
    return client.post(f"{url}?for=generic", {**SAID, **changed})  # type: ignore[return-value]


def path_of(client: Client, app: AppRegistration) -> str:
    found = re.search(r"/secret/[\w-]{43}/", text(make(client, app)))
    assert found
    return found[0]


def sheet(client: Client, app: AppRegistration) -> str:
    return text(client.get(reverse("app-sheet", args=[app.pk])))


@pytest.mark.control(4, 34)
def test_looking_says_who_sends_what_and_the_button_shows_it_once(signed_in: Client, app: AppRegistration) -> None:
    path, stranger = path_of(signed_in, app), Client()
    for _program in range(3):
        stranger.head(path)
        looked = stranger.get(path)
        assert looked.status_code == 200
        for telling in (VALUE, app.client_id, app.tenant.directory_id):
            assert telling not in text(looked)
        for words in (app.name, app.tenant.name, "for ALERT on VF-SRV01", OneTimeLink.objects.get().by_name):
            assert words in text(looked)
        assert looked.headers["Referrer-Policy"] == "strict-origin"
    shown = stranger.post(path)
    for words in (VALUE, app.client_id, app.tenant.directory_id, "alarms@northpark.example", "client_credentials"):
        assert words in text(shown)
    for answer in (looked, shown):
        assert "no-store" in answer.headers["Cache-Control"]
        assert "noindex" in answer.headers["X-Robots-Tag"]
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert VALUE not in text(stranger.post(path))


def test_to_a_stranger_every_link_that_leads_nowhere_looks_alike(signed_in: Client, app: AppRegistration) -> None:
    def answers(path: str) -> set[tuple[int, str]]:
        return {(answer.status_code, text(answer)) for answer in (Client().get(path), Client().post(path))}

    path = path_of(signed_in, app)
    wrong = answers("/secret/wrong/")
    assert {status for status, _words in wrong} == {404}
    OneTimeLink.objects.update(ends_at=timezone.now())
    assert answers(path) == wrong
    revoked = path_of(signed_in, app)
    signed_in.post(reverse("app-link-revoke", args=[app.pk]))
    assert answers(revoked) == wrong
    used = path_of(signed_in, app)
    Client().post(used)
    assert answers(used) == wrong


def test_the_sheet_says_how_the_link_stands(signed_in: Client, app: AppRegistration) -> None:
    assert "Create a one-time link" in sheet(signed_in, app)
    path_of(signed_in, app)
    assert "A one-time link for Grace Holm is valid until" in sheet(signed_in, app)
    assert "Create a one-time link" not in sheet(signed_in, app)
    assert "A one-time link to it has not been opened yet." in text(make(signed_in, app))
    signed_in.post(reverse("app-link-revoke", args=[app.pk]))
    assert "The link for Grace Holm was revoked on" in sheet(signed_in, app)
    path = path_of(signed_in, app)
    OneTimeLink.objects.filter(is_open=True).update(ends_at=timezone.now())
    assert "The link for Grace Holm was valid until" in sheet(signed_in, app)
    path = path_of(signed_in, app)
    Client(REMOTE_ADDR="192.0.2.7").post(path)
    page = sheet(signed_in, app)
    assert "It was shown to Grace Holm on" in page
    assert "Opened with the one-time link that Ada" in page
    assert "from 192.0.2.7" in page
    entry = AuditEntry.objects.get(act="secret.link_opened")
    assert (entry.who, entry.address, entry.tenant) == ("stranger", "192.0.2.7", app.tenant_id)


@pytest.mark.parametrize("missing", ["link-recipient", "link-reason", "link-lifetime"])
def test_without_a_word_of_it_no_link_is_made(signed_in: Client, app: AppRegistration, missing: str) -> None:
    answer = make(signed_in, app, **{missing: " "})
    assert answer.status_code == 422
    assert not OneTimeLink.objects.exists()


@pytest.mark.parametrize(("lifetime", "hours"), [("hour", 1), ("day", 24), ("days", 72)])
def test_it_is_good_for_as_long_as_was_chosen(
    signed_in: Client, app: AppRegistration, lifetime: str, hours: int
) -> None:
    make(signed_in, app, **{"link-lifetime": lifetime})
    link = OneTimeLink.objects.get()
    assert (link.ends_at - link.made_at).total_seconds() == hours * 3600


@pytest.mark.control(26)
def test_an_old_session_is_asked_who_it_is_before_it_makes_a_link(
    client: Client, administrator: User, app: AppRegistration
) -> None:
    signed_in_at(client, administrator, time.time() - 601)
    assert "Confirm your identity" in text(make(client, app))
    assert not OneTimeLink.objects.exists()


def test_a_mailbox_that_is_gone_leaves_the_ids_and_the_value(signed_in: Client, app: AppRegistration) -> None:
    path = path_of(signed_in, app)
    Mailbox.objects.all().delete()
    page = text(Client().post(path))
    for words in (VALUE, app.client_id, app.tenant.directory_id):
        assert words in page


def test_a_value_that_cannot_be_read_is_said_and_not_used_up(signed_in: Client, app: AppRegistration) -> None:
    path = path_of(signed_in, app)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_credential SET value = 'v1.' || value")
    answer = Client().post(path)
    assert answer.status_code == 503
    assert "The link is not used up" in text(answer)
    assert OneTimeLink.objects.get().state(timezone.now()) == "waiting"


def test_strangers_read_it_in_their_browser_s_language(signed_in: Client, app: AppRegistration) -> None:
    path = path_of(signed_in, app)
    page = text(Client(headers={"accept-language": "fr"}).get(path))
    assert "Un secret pour vous" in page
