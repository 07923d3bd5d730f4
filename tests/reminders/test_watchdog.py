"""A scan missing for 26 hours is shown: a red banner on every page, 503 at /readyz."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.reminders.scan import scanner

BANNER = "reminders may be late"


def banner_is_shown(client: Client, administrator: User) -> bool:
    client.force_login(administrator)
    return BANNER in client.get("/", follow=True).content.decode()


@pytest.mark.parametrize(
    ("hours", "seen"),
    [(None, True), (25.9, False), (26.1, True), (-100, True)],
    ids=["never", "a day ago", "longer ago", "by a clock that ran days ahead"],
)
def test_a_scan(client: Client, administrator: User, hours: float | None, seen: bool) -> None:
    if hours is not None:
        scanner.run(timezone.now() - timedelta(hours=hours))
    assert client.get("/readyz").json()["scan"] is not seen
    assert banner_is_shown(client, administrator) is seen
    if seen:
        assert client.get("/readyz").status_code == 503


def test_a_scan_by_a_clock_that_was_mended_hides_no_later_one(client: Client, db: None) -> None:
    scanner.run(timezone.now() + timedelta(days=4000))
    scanner.run(timezone.now())
    assert client.get("/readyz").json()["scan"]
