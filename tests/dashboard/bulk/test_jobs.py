"""Bulk jobs: rights at the time of each row, stopping, resuming, many rows, several users, killed workers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.access import Access
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.audit import AuditEntry
from alertadmin.bulk import jobs
from alertadmin.bulk.actions.tenants import SetLanguage
from alertadmin.bulk.models import BulkJob, BulkRow
from alertadmin.monitoring import worker_heartbeat
from alertadmin.registry.models import Tenant
from tests.factories import Rows
from tests.helpers.login import signed_in_at

pytestmark = pytest.mark.postgresql


def operator(*tenants: Tenant, role: Role = Role.ADMINISTRATOR) -> User:
    user = User.objects.create(email=f"user{User.objects.count()}@x.example")
    for tenant in tenants:
        Membership.objects.create(user=user, tenant=tenant, role=role)
    return user


def started(user: User) -> BulkJob:
    """A job that sets the language of all tenants that the user may change."""
    action = SetLanguage()
    tenants = Access(user).visible(Tenant, action.right).order_by("name")
    job = jobs.draft(user, action, action.targets(Access(user), tenants), list_name="tenants", now=timezone.now())
    assert jobs.start(job, {"value": "fr"}, timezone.now())
    job.refresh_from_db()
    return job


def states(job: BulkJob) -> list[str]:
    return list(job.rows.values_list("state", flat=True))


def worked_off() -> None:
    while jobs.continue_next():
        pass


def removed(user: User, tenant: Tenant) -> None:
    Membership.objects.filter(user=user, tenant=tenant).delete()


def lowered(user: User, tenant: Tenant) -> None:
    Membership.objects.filter(user=user, tenant=tenant).update(role=Role.VIEWER)


def deleted(_user: User, tenant: Tenant) -> None:
    Tenant.objects.filter(pk=tenant.pk).delete()


@pytest.mark.parametrize("change", [removed, lowered, deleted])
def test_a_right_lost_meanwhile_leaves_the_row_out(rows: Rows, change: Callable[[User, Tenant], None]) -> None:
    kept, lost = rows.tenant("A kept"), rows.tenant("B lost")
    user = operator(kept, lost)
    job = started(user)
    change(user, lost)
    worked_off()
    assert states(job) == ["done", "skipped"]
    assert set(Tenant.objects.filter(language="fr")) == {kept}


def test_a_deactivated_user_s_job_stops(rows: Rows) -> None:
    user = operator(rows.tenant())
    job = started(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    worked_off()
    job.refresh_from_db()
    assert job.is_stopped
    assert states(job) == ["waiting"]
    assert not Tenant.objects.filter(language="fr").exists()


def test_ids_of_other_tenants_are_like_missing_ones(rows: Rows, client: Client) -> None:
    mine, foreign = rows.tenant("Mine"), rows.tenant("Foreign")
    signed_in_at(client, operator(mine))
    chosen = {"list": "tenants", "action": "language", "row": [str(mine.pk), str(foreign.pk), "no id"]}
    client.post(reverse("bulk-select"), chosen)
    job = BulkJob.objects.get()
    assert list(job.rows.values_list("label", flat=True)) == ["Mine"]
    assert job.left_out == 0  # a count would tell that it exists
    client.post(reverse("bulk-select"), {"list": "tenants", "action": "language", "all": "1", "query": "q=o"})
    assert list(BulkJob.objects.latest("created_at").rows.values_list("label", flat=True)) == []


def test_rows_that_one_may_only_look_at_are_counted(rows: Rows, client: Client) -> None:
    mine, seen = rows.tenant("Mine"), rows.tenant("Seen")
    user = operator(mine)
    Membership.objects.create(user=user, tenant=seen, role=Role.VIEWER)
    signed_in_at(client, user)
    page = client.post(
        reverse("bulk-select"), {"list": "tenants", "action": "language", "all": "1"}, follow=True
    ).content.decode()
    assert "1 selected row is left out" in page
    assert "Start for one row" in page


def test_a_job_of_another_user_does_not_exist(rows: Rows, client: Client, administrator: User) -> None:
    job = started(operator(rows.tenant()))
    signed_in_at(client, administrator)
    assert client.get(job.get_absolute_url()).status_code == 404
    for name in ("bulk-stop", "bulk-again"):
        assert client.post(reverse(name, args=[job.pk])).status_code == 404
    assert job.action not in client.get(reverse("bulk-jobs")).content.decode().partition("<main")[2]


def test_a_stopped_job_is_resumed_where_it_was(rows: Rows, client: Client) -> None:
    user = operator(*(rows.tenant(f"T{number}") for number in range(3)))
    job = started(user)
    first = job.rows.first()
    assert first is not None
    jobs._work_on(job, SetLanguage(), first)
    signed_in_at(client, user)
    client.post(reverse("bulk-stop", args=[job.pk]))
    worked_off()
    assert states(job) == ["done", "waiting", "waiting"]
    assert "Stopped: 1 of 3 rows are done." in client.get(job.get_absolute_url()).content.decode()
    client.post(reverse("bulk-again", args=[job.pk]))
    worked_off()
    assert states(job) == ["done"] * 3
    assert AuditEntry.objects.filter(act="tenant.changed").count() == 3


def kill_at(name: str) -> None:
    """Continue, in a process that ends where this function is called: nothing after it happens."""

    class Killed(BaseException):
        pass

    def kill(*_args: Any, **_named: Any) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, name, kill)
        with pytest.raises(Killed):
            jobs.continue_next()


def test_a_row_and_its_result_are_one_transaction(rows: Rows) -> None:
    job = started(operator(rows.tenant()))
    kill_at("_store")
    assert not Tenant.objects.filter(language="fr").exists()
    assert states(job) == ["waiting"]
    worked_off()
    assert states(job) == ["done"]
    assert AuditEntry.objects.filter(act="tenant.changed").count() == 1


def test_a_killed_worker_s_job_goes_on_after_its_lease(rows: Rows) -> None:
    job = started(operator(rows.tenant()))
    BulkJob.objects.update(lease_until=timezone.now() + timedelta(minutes=5))
    worked_off()
    assert states(job) == ["waiting"]
    BulkJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    worked_off()
    assert states(job) == ["done"]
    again = started(operator(Tenant.objects.get()))
    BulkJob.objects.filter(pk=again.pk).update(lease_until=timezone.now() + timedelta(days=3))  # a clock ran ahead
    worked_off()
    assert states(again) == ["unchanged"]


def test_a_row_waits_no_longer_than_for_any_limit(rows: Rows) -> None:
    job = started(operator(rows.tenant()))
    job.rows.update(not_before=timezone.now() + timedelta(hours=23))
    worked_off()
    assert states(job) == ["waiting"]
    job.rows.update(not_before=timezone.now() + timedelta(days=400))  # a clock ran ahead
    worked_off()
    assert states(job) == ["done"]


def test_jobs_of_several_users_take_turns(rows: Rows) -> None:
    tenant = rows.tenant()
    first, second = (started(operator(tenant)) for _number in range(2))
    assert jobs.continue_next(slice_length=timedelta())
    assert jobs.continue_next(slice_length=timedelta())
    order = list(BulkJob.objects.order_by("worked_at").values_list("pk", flat=True))
    assert order == [first.pk, second.pk]


def test_one_row_that_fails_stops_no_other(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    user = operator(rows.tenant("A"), rows.tenant("B"))
    job = started(user)
    apply = SetLanguage.apply

    def fragile(self: Any, found: Tenant, *args: Any) -> Any:
        if found.name == "A":
            raise RuntimeError("secret words")
        return apply(self, found, *args)

    monkeypatch.setattr(SetLanguage, "apply", fragile)
    worked_off()
    assert states(job) == ["failed", "done"]
    assert "secret words" not in BulkRow.objects.get(label="A").result


def test_too_many_rows_are_refused_in_words(rows: Rows, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in_at(client, operator(rows.tenant("A"), rows.tenant("B")))
    monkeypatch.setattr(jobs, "MAX_ROWS", 1)
    chosen = {"list": "tenants", "action": "language", "all": "1"}
    page = client.post(reverse("bulk-select"), chosen, follow=True).content.decode()
    assert "too many rows at once: at most 1" in page
    assert not BulkJob.objects.exists()


def test_the_page_and_a_row_cost_the_same_with_many(rows: Rows, client: Client) -> None:
    Tenant.objects.bulk_create(
        [Tenant(name=f"T{number}", directory_id=f"00000000-0000-4000-8000-{number:012}") for number in range(600)]
    )
    user = User.objects.create(email="all@x.example")
    Membership.objects.create(user=user, role=Role.ADMINISTRATOR)
    job = started(user)
    signed_in_at(client, user)
    worker_heartbeat.beat()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(job.get_absolute_url()).status_code == 200
    assert len(queries) <= 20
    with CaptureQueriesContext(connection) as queries:
        jobs.continue_next(slice_length=timedelta(seconds=0.2))
    done = 600 - states(job).count("waiting")
    assert done > 0
    assert len(queries) / done < 40


def test_drafts_and_old_jobs_are_deleted(rows: Rows) -> None:
    user = operator(rows.tenant())
    job = started(user)
    worked_off()
    now = timezone.now()
    assert jobs.prune(now + timedelta(days=29)) == 0
    assert jobs.prune(now + timedelta(days=31)) > 0
    assert not BulkJob.objects.filter(pk=job.pk).exists()


def test_a_running_job_is_on_the_overview(rows: Rows, client: Client) -> None:
    user = operator(rows.tenant())
    job = started(user)
    signed_in_at(client, user)
    assert job.get_absolute_url() in client.get("/").content.decode()
    worked_off()
    assert job.get_absolute_url() not in client.get("/").content.decode()
