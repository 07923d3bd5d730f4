"""What holds for every address: headers; looking writes nothing, acting needs a token; what a list costs."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import FirstAdministratorLink, User
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations
from alertadmin.bulk.models import BulkJob
from alertadmin.monitoring import worker_heartbeat
from alertadmin.outbox.models import Channel, Delivery
from alertadmin.registry.csv_import import import_steps
from alertadmin.registry.models import AppRegistration, Consent, Credential, Mailbox, SetupProgress
from alertadmin.reminders.models import CalendarFeed
from alertadmin.reminders.scan import scanner
from tests.conftest import NOW
from tests.dashboard.url_inventory import address, addresses
from tests.factories import Rows

LISTS = ("tenants", "apps", "credentials", "mailboxes", "consents", "deliveries", "channels")
BY_TOKEN = (
    "first-administrator",
    "calendar-feed",
    "invitation-accept",
    "prove-address",
    "new-password",
    "secret-link",
    "sign-in-with",
    "openid_connect_callback",
)
"""Without a valid token these pages are not found."""
DOOR = ("sign-in", "account_login", "forgotten-password")
MOST_QUERIES = 10
MORE_QUERIES = {"consents": 2, "tenants": 1}
"""What else a page shows: the last check of all, the setups to continue."""
WRITES = re.compile(r"^\s*(INSERT|UPDATE|DELETE|REPLACE|CREATE|ALTER|DROP)\b", re.IGNORECASE)


@pytest.fixture
def filled(rows: Rows, administrator: User) -> dict[str, Any]:
    """A row of each kind, and its id by the name of its page.

    A worker has just beaten, so that pages read what is wrong from its row and need not look at everything.
    """
    fill(rows, 1)
    scanner.run(NOW)
    mailbox = Mailbox.objects.get()
    test = Delivery.objects.create(purpose="test", dedupe_key="test", recipient="a@x.example", mailbox=mailbox)
    channel = Channel(name="ops", service="webhook", label="Webhook", hint="hooks.example")
    channel.address = "https://hooks.example/token"
    channel.save()
    worker_heartbeat.beat()
    kept = import_steps.keep(b"directory_id,app_name\nx,y\n", administrator, timezone.now())
    import_steps.check(kept, {}, timezone.now())
    return {
        "import": kept.pk,
        "bulk": BulkJob.objects.create(
            user=administrator, action="contacts", list_name="tenants", created_at=NOW, started_at=NOW, finished_at=NOW
        ).pk,
        "guide": SetupProgress.objects.create(
            person=administrator, tenant=mailbox.tenant, app=mailbox.app, mailbox=mailbox, audience="AzureADMyOrg"
        ).pk,
        "calendar": CalendarFeed.objects.create(owner=administrator, digest="0" * 64, created_at=NOW).pk,
        "channel": channel.pk,
        "person": administrator.pk,
        "invitation": invitations.invite("new@x.example", {None: Role.VIEWER}, by=None, now=timezone.now()).pk,
        "tenant": mailbox.tenant_id,
        "app": AppRegistration.objects.get().pk,
        "credential": Credential.objects.get().pk,
        "mailbox": mailbox.pk,
        "consent": Consent.objects.get().pk,
        "delivery": Delivery.objects.filter(purpose="reminder", state="pending")[0].pk,
        "test": test.pk,
    }


def fill(rows: Rows, count: int) -> None:
    """So many rows of each kind."""
    for _number in range(count):
        tenant = rows.tenant(f"tenant {uuid4()}", contacts=["a@x.example"])
        app = rows.app(tenant, "app")
        rows.credential(app, days=3)
        Mailbox.objects.create(tenant=tenant, app=app, address=f"{uuid4()}@x.example", transport="graph")
        Consent.objects.create(tenant=tenant, app=app, permission="Mail.Send", status="error", cause="role_missing")
        Delivery.objects.create(purpose="reminder", dedupe_key=str(uuid4()), recipient="a@x.example", state="sent")
        Channel.objects.create(name="ops", service="webhook", label="Webhook", hint="hooks.example", tenant=tenant)


def writes(queries: CaptureQueriesContext) -> list[str]:
    """But for the session's own: when it was seen, and what a passkey must answer."""
    written = [query["sql"] for query in queries if WRITES.match(query["sql"])]
    return [sql for sql in written if '"django_session"' not in sql and '"usersessions_usersession"' not in sql]


def test_the_addresses_are_known() -> None:
    assert {"overview", "credential-replace", "import", "sign-in", "readyz"} <= set(addresses())
    assert len(addresses()) > 35


@pytest.mark.control(35, 36)
def test_every_page_forbids_what_it_does_not_need(signed_in: Client, filled: dict[str, Any]) -> None:
    for name in addresses():
        response = signed_in.get(address(name, filled))
        assert response.status_code in ((404,) if name in BY_TOKEN else (200, 302, 503)), name
        headers = response.headers
        policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
        assert "unsafe" not in str(policy)
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
        assert policy["base-uri"] == policy["object-src"] == policy["frame-ancestors"] == "'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == ("no-referrer" if name == "secret-link" else "same-origin")
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "no-store" in headers["Cache-Control"], name


@pytest.mark.control(36)
@pytest.mark.parametrize("name", ["sign-in", "first-administrator", "healthz", "readyz"])
def test_what_strangers_see_is_kept_by_no_cache_either(client: Client, db: None, name: str) -> None:
    url = reverse(name, args=[FirstAdministratorLink.make(NOW)]) if name == "first-administrator" else reverse(name)
    response = client.get(url)
    assert response.status_code in (200, 503)
    assert "no-store" in response.headers["Cache-Control"]
    assert "Content-Security-Policy" in response.headers


def test_a_stranger_reaches_nothing_but_the_door(client: Client, filled: dict[str, Any]) -> None:
    for name in {*addresses()} - {*DOOR, *BY_TOKEN, "healthz", "readyz", "consent-return"}:
        for response in (client.get(address(name, filled)), client.post(address(name, filled))):
            assert response.status_code == 302
            assert response.headers["Location"].startswith(reverse("sign-in")), name


@pytest.mark.control(34)
def test_looking_writes_nothing(signed_in: Client, filled: dict[str, Any]) -> None:
    for name in addresses():
        with CaptureQueriesContext(connection) as queries:
            signed_in.get(address(name, filled))
        assert writes(queries) == [], name


@pytest.mark.control(34)
def test_every_act_needs_the_page_s_token(administrator: User, filled: dict[str, Any]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(administrator)
    for name in addresses():
        with CaptureQueriesContext(connection) as queries:
            response = client.post(address(name, filled), {"email": "x@x.example"})
        assert response.status_code == 403, name
        assert "load the page again" in response.content.decode()
        assert writes(queries) == [], name


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_whatever_its_length(signed_in: Client, rows: Rows, name: str) -> None:
    fill(rows, 1)
    scanner.run(NOW)
    worker_heartbeat.beat()
    signed_in.get(reverse(name))  # what is asked once in a process's life
    counts = []
    for more in (0, 9, 45):
        fill(rows, more)
        with CaptureQueriesContext(connection) as queries:
            page = signed_in.get(reverse(name)).context["page"]
        counts.append(len(queries))
    assert len(page.rows) == 50
    assert len(set(counts)) == 1
    assert counts[0] <= MOST_QUERIES + MORE_QUERIES.get(name, 0), [query["sql"] for query in queries]


def test_a_part_of_a_list_is_the_part_alone(signed_in: Client, rows: Rows) -> None:
    rows.credential(description="relay")
    part = signed_in.get(reverse("credentials"), headers={"hx-request": "true"}).content.decode()
    assert "relay" in part
    assert "<html" not in part
    assert 'id="listing"' in part
