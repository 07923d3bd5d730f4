"""A table: what reads a credential in each of its states. An app has any number of them, beside the one in use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.monitoring.monthly_summary import summarize_month
from alertadmin.outbox.delivery.tenant_mailboxes import sendable
from alertadmin.registry.credentials.app_identity import SecretUnavailable, credential_in_use
from alertadmin.registry.models import AppRegistration, Credential, CredentialState, Mailbox
from alertadmin.reminders.calendar import feeds
from alertadmin.reminders.models import CalendarFeed, Reminder
from alertadmin.reminders.scan import scanner
from tests.factories import Rows

pytestmark = pytest.mark.django_db
Reader = Callable[[Credential, Client], bool]


def is_monitored(credential: Credential, _client: Client) -> bool:
    return credential in Credential.objects.watched()


def is_used_for_tokens(credential: Credential, _client: Client) -> bool:
    try:
        return credential_in_use(credential.app) == credential
    except SecretUnavailable:
        return False


def is_sent_with(credential: Credential, _client: Client) -> bool:
    return sendable().filter(app=credential.app).exists()


def is_disclosed(credential: Credential, _client: Client) -> bool:
    return AppRegistration.objects.get(pk=credential.app_id).current_credential == credential


def is_reminded(credential: Credential, _client: Client) -> bool:
    scanner.run(timezone.now())
    return Reminder.objects.filter(credential=credential).exists()


def is_in_feed(credential: Credential, _client: Client) -> bool:
    feed = CalendarFeed(owner=User.objects.get(), tenant=credential.app.tenant, created_at=timezone.now())
    entries = b"".join(feeds.content_of(feed, timezone.now())).replace(b"\r\n ", b"")
    return str(credential.pk).encode() in entries


def is_in_summary(_credential: Credential, _client: Client) -> bool:
    return summarize_month(timezone.now()).watched == 1


def is_listed(credential: Credential, client: Client) -> bool:
    """In the list of the monitored ones."""
    return str(credential.pk) in client.get(reverse("credentials"), {"state": "watched"}).content.decode()


def is_on_app_page(credential: Credential, client: Client) -> bool:
    return str(credential.pk) in client.get(credential.app.get_absolute_url()).content.decode()


READERS: dict[Reader, set[CredentialState]] = {
    is_monitored: {CredentialState.CURRENT, CredentialState.NEXT, CredentialState.OTHER},
    is_reminded: {CredentialState.CURRENT, CredentialState.NEXT, CredentialState.OTHER},
    is_in_feed: {CredentialState.CURRENT, CredentialState.NEXT, CredentialState.OTHER},
    is_in_summary: {CredentialState.CURRENT, CredentialState.NEXT, CredentialState.OTHER},
    is_used_for_tokens: {CredentialState.CURRENT, CredentialState.NEXT},
    is_sent_with: {CredentialState.CURRENT, CredentialState.NEXT},
    is_disclosed: {CredentialState.CURRENT},
    is_listed: {CredentialState.CURRENT, CredentialState.NEXT, CredentialState.OTHER},
    is_on_app_page: set(CredentialState),
}
"""Each reader, and the states that it reads."""
NEEDS_VALUE = {is_sent_with}


@pytest.mark.parametrize("value", ["", "stored value"])
@pytest.mark.parametrize("state", CredentialState)
@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_each_reader_of_each_state(
    rows: Rows, signed_in: Client, read: Reader, state: CredentialState, value: str
) -> None:
    """Known by its expiry date alone, it is monitored as well."""
    tenant = rows.tenant(contacts=["duty@northpark.example"])
    ends = timezone.now() + timedelta(days=5)
    credential = rows.credential(rows.app(tenant), state=state, value=value, expires_at=ends)
    Mailbox.objects.create(tenant=tenant, app=credential.app, address="alarms@northpark.example")
    expected = state in READERS[read] and (bool(value) or read not in NEEDS_VALUE)
    assert read(credential, signed_in) == expected
