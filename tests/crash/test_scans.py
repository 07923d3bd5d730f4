"""A large scan is written in parts. If it is killed between two of them, the next scan writes the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from alertadmin.reminders.scan.scanner import FIRST_PART
from tests.crash.matrix import DATABASES, DatabaseName
from tests.crash.scenario import World, as_csv

pytestmark = pytest.mark.crash

SECRETS = FIRST_PART + 100
LINES = "SELECT count(*), count(DISTINCT reminder_id) FROM reminders_notice"


@pytest.mark.parametrize("database", [DATABASES[0], pytest.param(DATABASES[1], marks=pytest.mark.slow)])
def test_scan_killed_between_parts_sends_each_reminder_once(
    make_world: Callable[..., World], database: DatabaseName
) -> None:
    world = make_world(database)
    enter_secrets(world, SECRETS)
    world.send_reminders(crash_at="scan-part-committed")
    [(first,)] = world.database.query("SELECT count(*) FROM reminders_reminder")
    assert 0 < first < SECRETS
    assert not told(world)

    world.send_reminders()

    [(reminders,)] = world.database.query("SELECT count(*) FROM reminders_reminder")
    assert reminders == SECRETS + 1  # and the one that each world begins with
    assert world.database.query(LINES) == [(reminders, reminders)]
    # What the first part wrote waits up to five minutes for the rest of its scan: that time has passed.
    world.database.change("UPDATE outbox_delivery SET not_before = created_at WHERE state = 'pending'")
    world.send_reminders()
    assert [one.state for one in world.messages()] == ["sent"] * len(told(world))
    assert 1 <= len(told(world)) <= 2


def told(world: World) -> list[str]:
    """The mails that the world's one recipient was sent."""
    return [entry["mime"] for entry in world.sandbox.ledger.messages() if entry["to"] == [world.recipients[0]]]


def enter_secrets(world: World, secrets: int) -> None:
    """Of as many apps, all of them due, for the world's one recipient."""
    end = (datetime.now(UTC) + timedelta(days=5)).isoformat()
    tenant = {"tenant_name": "Site", "directory_id": str(uuid4()), "cloud": "lab"}
    rows = [
        {
            **tenant,
            "contact_emails": world.recipients[0],
            "app_name": f"ALERT {number}",
            "client_id": str(uuid4()),
            "secret_description": "ALERT server",
            "secret_expires_on": end,
        }
        for number in range(secrets)
    ]
    done = world.manage("import_registrations", "-", input=as_csv(rows))
    assert done.returncode == 0, done.stdout + done.stderr
