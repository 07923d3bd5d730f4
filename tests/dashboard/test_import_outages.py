"""A long import by the worker, with each outage at each step of it: no row is half stored, the page says what is the
matter, and the import is finished, or can be gone on with.

What is killed leaves no more than the database has: `Killed` passes all handlers. The worker comes again when the lease
of the one before has expired.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import Membership, User
from alertadmin.crypto.keyring import KeyringError
from alertadmin.registry.csv_import import import_steps, importer
from alertadmin.registry.csv_import.batch import Batch
from alertadmin.registry.models import AppRegistration, Credential, ImportStatus, PendingImport, Tenant
from tests.registry.csv_import.csv_files import ALERT, HARBOUR, NORTHPARK

pytestmark = pytest.mark.django_db(transaction=True)

K3 = "6513270e-269e-4d37-b2a7-4de452e6b438"
DIRECTORIES = (NORTHPARK, HARBOUR, K3)
FILE = "tenant_name,directory_id,app_name,client_id,secret_expires_on\n" + "".join(
    f"Tenant {number},{directory},ALERT,{ALERT},2027-12-31\n" for number, directory in enumerate(DIRECTORIES)
)
POINTS = ("claimed", "first stored", "second applied", "all stored")
Fault = Callable[[], None]


class Killed(BaseException):
    """The process ends here."""


def kill() -> None:
    raise Killed


def lock() -> None:
    raise OperationalError("database is locked")


def lose_the_key() -> None:
    raise KeyringError("keys.json is missing")


def delete_tenants() -> None:
    Tenant.objects.all().delete()


def withdraw_the_role() -> None:
    Membership.objects.all().delete()


def cancel() -> None:
    PendingImport.objects.all().delete()


def leave() -> None:
    User.objects.all().delete()


@pytest.fixture(autouse=True)
def by_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tenant is a batch."""
    monkeypatch.setattr(import_steps, "MAX_INLINE", 0)
    monkeypatch.setattr(importer, "BATCH_ROWS", 1)


def fail_once(monkeypatch: pytest.MonkeyPatch, point: str, fault: Fault, times: int = 1) -> None:
    """Let the fault happen at this point of the next import."""
    left = {point: times}
    stored: list[Batch] = []
    work, apply, store, finish = import_steps._work, Batch.apply, Batch.store, import_steps._finish

    def at(reached: str) -> None:
        if left.get(reached):
            left[reached] -= 1
            fault()

    def stored_one(batch: Batch) -> None:
        store(batch)
        stored.append(batch)
        if len(stored) == 1:
            at("first stored")

    def applied_one(batch: Batch) -> None:
        apply(batch)
        if len(stored) == 1:
            at("second applied")

    def work_at(*given: Any) -> None:
        at("claimed")
        work(*given)

    def finish_at(*given: Any) -> None:
        at("all stored")
        finish(*given)

    monkeypatch.setattr(import_steps, "_work", work_at)
    monkeypatch.setattr(import_steps, "_finish", finish_at)
    monkeypatch.setattr(Batch, "apply", applied_one)
    monkeypatch.setattr(Batch, "store", stored_one)


def confirmed(user: User, *, all_or_nothing: bool) -> PendingImport:
    """The file, checked by the worker and confirmed by its user."""
    pending = import_steps.keep(FILE.encode(), user, timezone.now())
    columns = ["tenant_name", "directory_id", "app_name", "client_id", "secret_expires_on"]
    assert import_steps.check(pending, {"columns": columns}, timezone.now())
    import_steps.continue_imports()
    pending.refresh_from_db()
    revision = import_steps.revision_of(pending)
    assert import_steps.import_checked(pending, revision, timezone.now(), all_or_nothing=all_or_nothing)
    return pending


def worker_runs() -> None:
    """A run of the worker; it may be killed."""
    with suppress(Killed):
        import_steps.continue_imports()


def time_passes() -> None:
    """Until the worker's lease, or its pause, has expired."""
    PendingImport.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


def counts() -> tuple[int, int, int]:
    return Tenant.objects.count(), AppRegistration.objects.count(), Credential.objects.count()


NONE, ALL = (0, 0, 0), (3, 3, 3)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("fault", [kill, lock])
@pytest.mark.parametrize("all_or_nothing", [False, True])
def test_what_was_interrupted_is_finished(
    administrator: User, monkeypatch: pytest.MonkeyPatch, point: str, fault: Fault, all_or_nothing: bool
) -> None:
    pending = confirmed(administrator, all_or_nothing=all_or_nothing)
    fail_once(monkeypatch, point, fault)
    worker_runs()
    assert counts() in ((NONE, ALL) if all_or_nothing else tuple((number,) * 3 for number in range(4)))
    pending.refresh_from_db()
    assert pending.status == ImportStatus.IMPORTING
    worker_runs()
    pending.refresh_from_db()
    assert pending.status == ImportStatus.IMPORTING, "not before the lease has expired"
    time_passes()
    worker_runs()
    pending.refresh_from_db()
    assert (pending.status, counts()) == (ImportStatus.DONE, ALL)
    report = import_steps.load_report(pending)
    assert sum(report["effects"].values()) == 3


@pytest.mark.parametrize(("fault", "rows"), [(cancel, 1), (leave, 1), (withdraw_the_role, 3), (delete_tenants, 2)])
def test_what_others_do_meanwhile_leaves_no_half_of_a_row(
    administrator: User, monkeypatch: pytest.MonkeyPatch, fault: Fault, rows: int
) -> None:
    """Between two batches. A role that is withdrawn counts when a step begins."""
    confirmed(administrator, all_or_nothing=False)
    fail_once(monkeypatch, "first stored", fault)
    worker_runs()
    time_passes()
    worker_runs()
    assert counts() == (rows, rows, rows)
    assert not AppRegistration.objects.filter(credentials=None).exists()


def test_a_cancelled_import_of_all_or_nothing_stores_nothing(
    administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(administrator, all_or_nothing=True)
    fail_once(monkeypatch, "second applied", cancel)
    worker_runs()
    assert counts() == NONE


@pytest.mark.parametrize("step", ["check", "import"])
def test_a_step_that_always_fails_is_given_up_and_said(
    client: Client, administrator: User, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """And does not keep the worker from the next file."""
    client.force_login(administrator)
    if step == "import":
        pending = confirmed(administrator, all_or_nothing=False)
    else:
        pending = import_steps.keep(FILE.encode(), administrator, timezone.now())
        columns = FILE.partition("\n")[0].split(",")
        import_steps.check(pending, {"columns": columns}, timezone.now())
    fail_once(monkeypatch, "claimed", lock, times=import_steps.MAX_ATTEMPTS)
    for _attempt in range(import_steps.MAX_ATTEMPTS):
        worker_runs()
        time_passes()
    pending.refresh_from_db()
    assert pending.status == (ImportStatus.CHECKED if step == "import" else ImportStatus.DRAFT)
    page = client.get(reverse("import-preview", args=[pending.pk]), follow=True).content.decode()
    assert "could not finish this step after several attempts" in page
    if step == "import":
        import_steps.import_checked(pending, import_steps.revision_of(pending), timezone.now(), all_or_nothing=False)
        worker_runs()
        assert counts() == ALL


def test_an_attempt_that_kills_the_worker_each_time_ends_too(
    administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = confirmed(administrator, all_or_nothing=False)
    fail_once(monkeypatch, "first stored", kill, times=1)
    fail_once(monkeypatch, "claimed", kill, times=10)
    for _attempt in range(import_steps.MAX_ATTEMPTS + 1):
        worker_runs()
        time_passes()
    pending.refresh_from_db()
    assert pending.status == ImportStatus.CHECKED
    assert pending.answers["failure"]


def test_a_lost_key_is_said(client: Client, administrator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(administrator)
    pending = confirmed(administrator, all_or_nothing=False)
    fail_once(monkeypatch, "first stored", lose_the_key)
    worker_runs()
    page = client.get(reverse("import-preview", args=[pending.pk])).content.decode()
    assert "keys.json is missing" in page
    assert "Import 3 rows" in page


def test_the_page_says_that_it_waits_and_that_it_was_interrupted(
    client: Client, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a broker no task arrives: beat comes within a minute."""
    client.force_login(administrator)
    pending = confirmed(administrator, all_or_nothing=False)
    show = partial(client.get, reverse("import-preview", args=[pending.pk]))
    assert "It waits for the worker" in show().content.decode()
    fail_once(monkeypatch, "second applied", kill, times=2)
    for _attempt in range(2):
        worker_runs()
        time_passes()
    assert "It was interrupted and has started again." in show().content.decode()
