"""Each stored time that decides whether something is done, written by a clock that ran ahead: it is done all the same.

Those of the outbox stand in tests/outbox/queue/test_claims.py, of scans in tests/reminders/test_scanner.py and
test_watchdog.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts import reauthentication
from alertadmin.accounts.models import User
from alertadmin.adapters.allauth import record_authentication
from alertadmin.audit.retention import _first_young
from alertadmin.audit.throttle_counter import Limit, ThrottleCounter
from alertadmin.monitoring import heartbeat_ping, system_mails
from alertadmin.monitoring.models import Ping, SystemMail
from alertadmin.registry.consent import check_batch
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import Consent, ConsentCheckBatch, DeviceCodeFlow, Mailbox
from alertadmin.registry.permissions import Permission
from alertadmin.registry.personal import device_code, refresh_tokens
from alertadmin.reminders.models import Scan
from sandbox import Sandbox
from tests.factories import Rows
from tests.registry.test_refresh_tokens import Decide, account, decide, sign

__all__ = ["account", "decide"]

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("ahead", [timedelta(days=2), timedelta(days=3650)])]


def wanted_consent(rows: Rows, sandbox: Sandbox) -> Consent:
    site = rows.site(sandbox, granted=[Permission.MAIL_SEND])
    sync_required_consents([site.app])
    return Consent.objects.get(app=site.app, permission="Mail.Send")


def was_checked(consent: Consent) -> bool:
    consent.refresh_from_db()
    return consent.checked_at is not None and abs(consent.checked_at - timezone.now()) < timedelta(minutes=2)


def test_a_consent_checked_in_the_future_is_checked(rows: Rows, sandbox: Sandbox, ahead: timedelta) -> None:
    consent, now = wanted_consent(rows, sandbox), timezone.now()
    Consent.objects.update(checked_at=now + ahead)
    check_batch.start(None, now=now)
    check_batch.continue_batch()
    assert was_checked(consent)


def test_lease_in_the_future_is_void(rows: Rows, sandbox: Sandbox, ahead: timedelta) -> None:
    consent, now = wanted_consent(rows, sandbox), timezone.now()
    check_batch.start(None, now=now)
    ConsentCheckBatch.objects.update(lease_until=now + ahead)
    check_batch.continue_batch()
    assert was_checked(consent)


def test_batch_started_in_the_future_finishes_and_the_next_is_due(
    rows: Rows, sandbox: Sandbox, ahead: timedelta
) -> None:
    wanted_consent(rows, sandbox)
    now = timezone.now()
    check_batch.start(None, now=now + ahead)
    assert check_batch.is_due(now)
    assert not check_batch.continue_batch()
    assert not ConsentCheckBatch.objects.unfinished().exists()
    check_batch.start(None, now=now)
    assert not check_batch.is_due(now)


def test_refresh_token_with_impossible_expiry_is_refreshed(
    account: Mailbox,
    decide: Decide,
    ahead: timedelta,
) -> None:
    sign(account, decide)
    now = timezone.now()
    Mailbox.objects.filter(pk=account.pk).update(sign_in_ends_at=now + timedelta(days=90) + ahead)
    assert [mailbox for mailbox, _failure in refresh_tokens.refresh_unused(now=now)] == [account]


def test_device_code_with_next_poll_in_the_future_is_polled(
    account: Mailbox,
    decide: Decide,
    ahead: timedelta,
) -> None:
    now = timezone.now()
    sign_in, _secret = device_code.start(account, now=now)
    decide(sign_in)
    DeviceCodeFlow.objects.update(ask_from=now + ahead)
    assert device_code.poll(sign_in, now=now + timedelta(seconds=6)).state == "held"


def test_ping_in_the_future_is_due(ahead: timedelta) -> None:
    now = timezone.now()
    Ping.objects.create(pk=1, tried_at=now + ahead, answered_at=now + ahead)
    assert heartbeat_ping.is_due(now)


def test_first_scan_in_the_future_does_not_suppress_the_monthly_mail(administrator: User, ahead: timedelta) -> None:
    now = timezone.now()
    Scan.objects.create(started_at=now + ahead, finished_at=now + ahead)
    Scan.objects.create(started_at=now - timedelta(days=40), finished_at=now - timedelta(days=40))
    system_mails.write(now)
    assert SystemMail.objects.filter(recipient=administrator.email).exists()


def test_throttle_attempts_in_the_future_do_not_lock_out(ahead: timedelta) -> None:
    now, limit = timezone.now(), Limit("test", 1, timedelta(minutes=15))
    assert limit.acquire("ada", now) is None
    ThrottleCounter.objects.update(since=now + ahead)
    assert limit.acquire("ada", now) is None
    assert limit.acquire("ada", now) == now + limit.per


@pytest.mark.parametrize("field", ["created_at", "last_seen_at"])
def test_session_from_the_future_expires(client: Client, administrator: User, ahead: timedelta, field: str) -> None:
    client.force_login(administrator)
    assert client.get(reverse("profile")).status_code == 200
    UserSession.objects.update(**{field: timezone.now() + ahead})
    assert client.get(reverse("profile")).status_code == 302
    assert not UserSession.objects.exists()


def test_reauthentication_in_the_future_is_requested_again(rf: Any, administrator: User, ahead: timedelta) -> None:
    now = timezone.now()
    request = rf.get("/")
    request.user, request.session = administrator, {}
    record_authentication(request, administrator, "password")
    assert reauthentication.is_recent(request, now)
    assert not reauthentication.is_recent(request, now - ahead)


def test_audit_entry_in_the_future_does_not_stop_retention(ahead: timedelta) -> None:
    now = timezone.now()
    old, young = now - timedelta(days=800), now - timedelta(days=1)
    before = now - timedelta(days=730)
    first: Callable[..., int] = lambda *times: _first_young(list(times), before, now)  # noqa: E731
    wrong: datetime = now + ahead
    assert first(old, wrong, old, young) == 3
    assert first(old, old, wrong, young) == 2
    assert first(wrong, young, old) == 0
    assert first(wrong, old) == 2
    assert first(wrong) == first() == 0
