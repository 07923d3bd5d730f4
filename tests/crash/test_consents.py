"""A worker is killed during a large consent check: another continues it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from sandbox import Sandbox
from tests.crash.scenario import World, as_csv
from tests.supervisor.installation import eventually

pytestmark = [pytest.mark.crash, pytest.mark.slow]

BEGIN, GO_ON = "alertadmin.registry.tasks.check_consents", "alertadmin.registry.tasks.go_on_checking"
APPS = 40


def apps_there(sandbox: Sandbox) -> list[dict[str, str]]:
    """A tenant's apps, each granted what it wants, as rows of a CSV file."""
    tenant = sandbox.directory.add_tenant("Harbour Crane", f"{uuid4().hex[:8]}.example")
    rows = []
    with sandbox.directory.batch():
        for number in range(APPS):
            app = sandbox.directory.add_app(tenant, f"App {number}")
            sandbox.directory.grant(app, "Mail.Send")
            rows.append(
                {
                    "tenant_name": tenant.name,
                    "directory_id": tenant.directory_id,
                    "cloud": "lab",
                    "app_name": app.name,
                    "client_id": app.client_id,
                    "secret_description": "in use",
                    "secret_value": sandbox.directory.add_secret(app).value or "",
                    "secret_expires_on": (datetime.now(UTC) + timedelta(days=300)).isoformat(),
                }
            )
    return rows


def checked(world: World) -> set[str]:
    """The client ids of the apps whose consents were."""
    found = world.database.query(
        "SELECT app.client_id FROM registry_consent consent JOIN registry_appregistration app "
        "ON app.id = consent.app_id WHERE consent.checked_at IS NOT NULL"
    )
    return {client_id for (client_id,) in found}


def is_finished(world: World) -> bool:
    return world.database.query("SELECT finished_at IS NOT NULL, lease_until FROM registry_consentrun") == [(1, None)]


def test_another_worker_completes_the_check_without_repeating(make_world: Callable[..., World]) -> None:
    world = make_world()
    rows = apps_there(world.sandbox)
    wanted = {row["client_id"] for row in rows}
    done = world.manage("import_registrations", "-", input=as_csv(rows))
    assert done.returncode == 0, done.stdout + done.stderr
    world.sandbox.faults.add("token", delay=0.5, times=None)
    dying = world.start_worker()
    world.ring(BEGIN)
    assert eventually(lambda: bool(checked(world) & wanted)), world.state()
    world.kill(dying)
    known = checked(world)
    assert 0 < len(known & wanted) < APPS, "the slice was killed in the middle"
    assert not is_finished(world)
    world.sandbox.faults.clear()
    # The 90 seconds of its lease pass.
    world.database.change("UPDATE registry_consentrun SET lease_until = '2026-01-01 00:00:00'")
    world.start_worker()
    world.ring(GO_ON)
    assert eventually(lambda: is_finished(world)), world.state()
    assert checked(world) >= wanted
    [(total, granted)] = world.database.query("SELECT total, granted FROM registry_consentrun")
    assert total == granted == APPS + 1, "the world's own app too"
    tokens = [entry for entry in world.sandbox.ledger.entries() if entry["kind"] == "token" and entry["accepted"]]
    times = Counter(entry["client_id"] for entry in tokens)
    assert {times[client_id] for client_id in known & wanted} == {1}
