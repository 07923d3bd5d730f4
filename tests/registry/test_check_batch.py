"""Batches of consent checks: every consent is checked exactly once, also after interruptions."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from alertadmin.registry import tasks
from alertadmin.registry.consent import check_batch, checks
from alertadmin.registry.consent.consent_client import MAX_CONCURRENT_CHECKS, UNREACHABLE_AFTER, ConsentCheck
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import AppRegistration, Consent, ConsentCheckBatch, Mailbox
from alertadmin.registry.models.consent_check_batch import Counts, time_left
from alertadmin.registry.permissions import Permission
from sandbox import Sandbox
from tests.factories import Rows, cloud_slug
from tests.registry.test_checks import add_cloud
from tests.supervisor.installation import free_port


@pytest.fixture
def app(sandbox: Sandbox, rows: Rows) -> AppRegistration:
    """A multitenant app with a mailbox in each of 20 tenants beside its own; granted in all but every fourth."""
    site = rows.site(sandbox, granted=[Permission.MAIL_SEND])
    site.app.permissions = ["Mail.Send"]
    site.app.save()
    there = sandbox.directory.app(site.app.client_id)
    there.multi_tenant = True
    for number in range(20):
        directory = sandbox.directory.add_tenant(f"Customer {number}", f"customer{number}.example")
        tenant = rows.tenant(directory.name, directory_id=directory.directory_id, cloud=cloud_slug(sandbox))
        Mailbox.objects.create(tenant=tenant, app=site.app, address=f"a@customer{number}.example")
        sandbox.directory.install(there, directory)
        if number % 4:
            sandbox.directory.grant(there, "Mail.Send", directory)
    sync_required_consents([site.app])
    return site.app


def after(checks: int) -> Callable[[], bool]:
    """An `is_over` that returns True after so many checks started."""
    begun = count()
    return lambda: next(begun) >= checks


def asked(sandbox: Sandbox) -> int:
    return len([entry for entry in sandbox.ledger.entries() if entry["kind"] == "token"])


def begun(app: AppRegistration | None) -> ConsentCheckBatch:
    return check_batch.start(app, now=timezone.now())


def test_batch_runs_in_slices_and_checks_each_tenant_once(sandbox: Sandbox, app: AppRegistration) -> None:
    run, before = begun(app), asked(sandbox)
    slices = 1
    while check_batch.continue_batch(is_over=after(6)):
        slices += 1
        run.refresh_from_db()
        assert run.counts().done == min(6 * slices - 6, 21)
        assert not run.finished_at
    run.refresh_from_db()
    assert run.finished_at is not None
    assert run.counts() == Counts(total=21, done=21, granted=16)
    assert slices == 4
    assert asked(sandbox) - before == 21


def test_results_of_an_interrupted_slice_are_kept(
    sandbox: Sandbox, app: AppRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(app)
    stored, store = count(), checks._store

    def breaking(answer: ConsentCheck, now: datetime) -> list[Consent]:
        if next(stored) == 5:
            raise KeyboardInterrupt
        return store(answer, now)

    monkeypatch.setattr(checks, "_store", breaking)
    with pytest.raises(KeyboardInterrupt):
        check_batch.continue_batch()
    assert run.counts().done == 5
    before = asked(sandbox)
    left = 21 - run.counts().done
    assert not check_batch.continue_batch()
    assert asked(sandbox) - before == left
    assert Consent.objects.filter(app=app, status="unknown").count() == 0


def test_killed_slice_is_taken_over_after_its_lease_expires(app: AppRegistration) -> None:
    run = begun(app)
    ConsentCheckBatch.objects.update(lease_until=timezone.now() + timedelta(seconds=30))
    assert not check_batch.continue_batch()
    assert run.counts().done == 0
    ConsentCheckBatch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    check_batch.continue_batch()
    run.refresh_from_db()
    assert (run.counts().done, run.lease_until) == (21, None)


def test_one_batch_runs_at_a_time_and_manual_ones_first(sandbox: Sandbox, app: AppRegistration) -> None:
    everything = begun(None)
    mine = begun(app)
    assert check_batch.continue_batch(is_over=after(0))
    assert check_batch.continue_batch()
    mine.refresh_from_db()
    everything.refresh_from_db()
    assert (bool(mine.finished_at), bool(everything.finished_at)) == (True, False)
    assert not check_batch.continue_batch()


def test_manual_batch_waits_for_a_leased_batch(app: AppRegistration) -> None:
    begun(None)
    ConsentCheckBatch.objects.update(lease_until=timezone.now() + timedelta(seconds=30))
    mine = begun(app)
    assert not check_batch.continue_batch()
    assert mine.counts().done == 0


def test_second_start_returns_the_unfinished_batch(app: AppRegistration) -> None:
    assert begun(app) == begun(app) != begun(None) == begun(None)
    while check_batch.continue_batch():
        pass
    assert ConsentCheckBatch.objects.unfinished().count() == 0
    assert begun(app).counts().done == 0


def test_stopped_batch_keeps_results_and_stops_checking(
    sandbox: Sandbox, app: AppRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped on a page while a worker is processing it: the third answer is stored before the third round of requests,
    also with a slow database."""
    sandbox.faults.add("token", delay=0.5, times=None)
    run, stored, store = begun(app), count(), checks._store

    def stopping(answer: ConsentCheck, now: datetime) -> list[Consent]:
        if next(stored) == 3:
            check_batch.stop(app, now=timezone.now())
        return store(answer, now)

    monkeypatch.setattr(checks, "_store", stopping)
    monkeypatch.setattr(check_batch, "LEASE_RENEWAL_INTERVAL", timedelta(0))
    assert not check_batch.continue_batch()
    run.refresh_from_db()
    assert (run.is_stopped, run.slot, run.lease_until) == (True, None, None)
    assert run.counts().done == 3, "as it stood then"
    assert 3 < Consent.objects.filter(app=app, checked_at__isnull=False).count() < 21
    sandbox.faults.clear()
    again = begun(app)
    assert again != run
    assert not check_batch.continue_batch()
    again.refresh_from_db()
    assert (again.counts().done, again.is_stopped) == (21, False)


def test_stop_without_unfinished_batch_does_nothing(app: AppRegistration) -> None:
    check_batch.stop(app, now=timezone.now())
    run = begun(app)
    check_batch.continue_batch()
    check_batch.stop(app, now=timezone.now())
    check_batch.stop(None, now=timezone.now())
    run.refresh_from_db()
    assert (run.is_stopped, run.counts().done) == (False, 21)


def test_deleting_an_app_deletes_its_batch(app: AppRegistration) -> None:
    begun(app)
    check_batch.continue_batch(is_over=after(3))
    app.delete()
    assert not check_batch.continue_batch()


def test_clock_skew_causes_no_second_check(app: AppRegistration) -> None:
    """The batch was started by a machine whose clock is an hour ahead."""
    run = check_batch.start(app, now=timezone.now() + timedelta(hours=1))
    check_batch.continue_batch(is_over=after(5))
    assert run.counts().done == 5


def test_unreachable_cloud_is_given_up_within_one_slice(
    sandbox: Sandbox, rows: Rows, app: AppRegistration, settings: Settings, tmp_path: Path
) -> None:
    """Otherwise each slice would wait for it again, and thousands of tenants would take days."""
    dead = UNREACHABLE_AFTER + 40
    add_cloud(sandbox, settings, tmp_path, "closed", free_port())
    for number in range(dead):
        rows.credential(rows.app(rows.tenant(f"A dead one {number}", cloud="closed")), value="x")
    begun(None)
    slices = 1
    while check_batch.continue_batch(is_over=after(MAX_CONCURRENT_CHECKS)) and slices < 30:
        slices += 1
    assert slices <= 6
    assert Consent.objects.filter(tenant__cloud="closed", cause="network").count() == dead
    assert Consent.objects.filter(app=app).exclude(status__in=["granted", "not_in_token"]).count() == 0


def test_checks_run_in_parallel(sandbox: Sandbox, app: AppRegistration) -> None:
    """`python -m benchmarks --only consents` measures the throughput."""
    before, enough = len(sandbox.ledger.entries()), Event()
    sandbox.faults.add("token", delay=40, until=enough, times=None)

    def are_at_once(entries: list[dict[str, Any]]) -> bool:
        """No request is answered before all have arrived."""
        return [entry["kind"] for entry in entries[before:]].count("fault") == MAX_CONCURRENT_CHECKS

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(sandbox.ledger.wait_until, are_at_once)
        waiting.add_done_callback(lambda _waiting: enough.set())
        begun(app)
        check_batch.continue_batch()
        waiting.result()


def test_beat_tasks_work_without_a_broker(sandbox: Sandbox, app: AppRegistration) -> None:
    begun(app)
    tasks.check_consents()
    assert Consent.objects.filter(app=app, status="granted").count() == 16
    assert ConsentCheckBatch.objects.unfinished().count() == 1, "what it rang for in vain"
    tasks.continue_checking()
    assert ConsentCheckBatch.objects.unfinished().count() == 0


def test_command_finishes_a_batch_started_on_a_page(
    sandbox: Sandbox, app: AppRegistration, capsys: pytest.CaptureFixture[str]
) -> None:
    """For an installation without Celery."""
    run, before = begun(app), asked(sandbox)
    with suppress(SystemExit):
        call_command("check_consent", "--json")
    run.refresh_from_db()
    assert (run.counts(), bool(run.finished_at)) == (Counts(total=21, done=21, granted=16), True)
    assert asked(sandbox) - before == 21


def test_old_batches_are_deleted(app: AppRegistration, now: datetime) -> None:
    old = check_batch.start(app, now=now - check_batch.RETENTION - timedelta(days=2))
    ConsentCheckBatch.objects.update(finished_at=now - check_batch.RETENTION - timedelta(days=1), slot=None)
    check_batch.start(None, now=now)
    assert not ConsentCheckBatch.objects.filter(pk=old.pk).exists()


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(1, 1e6))
def test_time_left_is_estimated_from_the_pace(done: int, more: int, seconds: float) -> None:
    left = time_left(Counts(done + more, done, 0), timedelta(seconds=seconds))
    if done == 0:
        assert left is None
    else:
        assert left is not None
        assert left.total_seconds() == pytest.approx(seconds * more / done, abs=0.01, rel=0.001)
