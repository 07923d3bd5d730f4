"""Every change by a page is audited: each page's form is sent as a browser sends it, and what was
written is looked at, statement by statement."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import lxml.html
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.outbox.models import Delivery
from tests.dashboard.test_every_page import BY_TOKEN, DOOR, filled  # noqa: F401 (a fixture)
from tests.dashboard.test_policies import said
from tests.dashboard.url_inventory import address, addresses
from tests.helpers.login import signed_in_at

pytestmark = pytest.mark.control(59)

WRITTEN = re.compile(r'^\s*(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', re.IGNORECASE)
RECORD = "accounts_auditentry"
OF_NO_ACT = {
    "django_session",
    "usersessions_usersession",  # when a session was last seen
    "accounts_tries",  # how often a password was guessed
    "registry_guide",  # where a guide points; what it makes is on the record
    "registry_pendingimport",  # a file between the steps; what it imports is on the record
    *("bulk_bulkjob", "bulk_bulkrow"),  # what was selected; its start and what it does are on the record
    "registry_keptsecret",  # what a refused form held
    "registry_consentreturn",  # a record itself
}
"""Tables whose rows say nothing of what this installation does."""

SENT: dict[str, dict[str, Any]] = {
    "app-edit": {"name": "renamed"},
    "calendars": {"tenant": ""},
    "certificate-make": {"description": "plant", "expires_at": f"{timezone.now() + timedelta(days=300):%Y-%m-%d}"},
    "channel-edit": {"name": "renamed"},
    "channel-add": {"new_address": "https://hooks.example/other", "name": "other", "line": "1"},
    "credential-add": {"value": "x" * 40, "description": "new", "expires_at": "2027-05-05"},
    "credential-edit": {"description": "renamed"},
    "credential-hold": {
        "kind": "ignored",
        "until": f"{timezone.now() + timedelta(days=20):%Y-%m-%d}",
        "reason": "the customer renews it",
    },
    "credential-replace": {"value": "y" * 40, "description": "new", "expires_at": "2027-05-05"},
    "invite": {"address": "more@x.example", "role": "viewer", "place": "all"},
    "mailbox-add": {"address": "more@x.example", "transport": "graph"},
    "mailbox-edit": {"address": "renamed@x.example"},
    "policies": said(**{"people-first": "ops@x.example"}),
    "tenant-policy": said(**{"people-first": "ops@x.example"}),
    "app-policy": said(**{"people-first": "ops@x.example"}),
    "profile": {"name": "renamed"},
    "register": {"tenant-name": "More", "app-name": "more"},
    "tenant-edit": {"name": "renamed"},
    "test-send": {"recipient": "a@x.example", "transport": "graph"},
    "mailbox-scope": {"other": "boss@x.example"},
    "watching": {"day": "3", "is_on": "on"},
}
"""Beside what the form holds already."""

MUST_WRITE = {
    *("app-delete", "app-edit", "calendar-renew", "calendar-revoke", "calendars", "channel-delete", "channel-edit"),
    *("channel-key", "channel-pause", "channel-test", "credential-add", "credential-delete", "credential-edit"),
    *(
        "credential-hold",
        "delivery-hasten",
        "delivery-arrived",
        "invitation-revoke",
        "invitation-renew",
        "invite",
        "mailbox-delete",
    ),
    *("mailbox-edit", "policies", "tenant-policy", "app-policy", "profile", "tenant-delete", "tenant-edit"),
    *("test-send", "mailbox-scope", "consents-check", "app-consents-check"),
    "sign-out",
}
"""What these do must have been done, so that a form this test fills in wrongly is no proof."""


def form_of(client: Client, url: str) -> dict[str, Any]:
    """What a browser would send of the page's form that is sent to itself."""
    page = client.get(url)
    if page.status_code != 200 or "html" not in page.headers.get("Content-Type", ""):
        return {}
    document: Any = lxml.html.fromstring(page.content.decode())
    mine = [
        form for form in document.forms if form.method == "POST" and (form.action or url).partition("?")[0] in ("", url)
    ]
    return {name: value for form in mine for name, value in form.form_values()}


def tables(queries: CaptureQueriesContext) -> set[str]:
    return {found[1] for query in queries if (found := WRITTEN.match(query["sql"]))} - OF_NO_ACT


@pytest.mark.parametrize(
    "name",
    [
        name if name in MUST_WRITE else pytest.param(name, marks=pytest.mark.slow)
        for name in sorted({*addresses()} - {*BY_TOKEN, *DOOR, "consent-return"})
    ],
)
def test_no_page_changes_anything_off_the_record(
    administrator: User,
    client: Client,
    filled: dict[str, Any],  # noqa: F811
    name: str,
) -> None:
    signed_in_at(client, administrator, time.time())
    Delivery.objects.filter(pk=filled["delivery"]).update(not_before=timezone.now() + timedelta(hours=1))
    url = address(name, filled)
    data = {**form_of(client, url), **SENT.get(name, {})}
    with CaptureQueriesContext(connection) as queries:
        client.post(url, data)
    written = tables(queries)
    assert not written or RECORD in written, written
    assert written or name not in MUST_WRITE, "nothing was done"
