"""An entry records who did what to what, from where; it is written with the action or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import DatabaseError, connection, transaction

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction, AuditEntry, fields
from alertadmin.audit.actor import COMMAND, Actor, acting_as
from alertadmin.audit.hash_chain import BEGINNING, GENESIS, digest_of
from alertadmin.audit.log import NotARefusal
from alertadmin.audit.verification import verify
from alertadmin.registry.models import Contact, Credential, Mailbox, Tenant
from tests.audit.tamper import run
from tests.conftest import NOW
from tests.factories import Rows

pytestmark = pytest.mark.control(59)

THREADS, EACH = 8, 25


def test_an_entry_says_who_what_when_where_and_on_what(rows: Rows, administrator: User) -> None:
    tenant = rows.tenant("Northpark Energy")
    came = Actor("stranger", address="192.0.2.7", request="4711", get_person=lambda: administrator)
    with acting_as(came):
        entry = audit.record(AuditAction.TENANT_CREATED, tenant, now=NOW)
    entry.refresh_from_db()
    assert (entry.who, entry.person_id) == ("ada@northpark.example", administrator.pk)
    assert (entry.address, entry.request, entry.at) == ("192.0.2.7", "4711", NOW)
    assert (entry.act, entry.act_label, entry.result) == ("tenant.created", "Tenant added", "done")
    assert (entry.kind, entry.object_id, entry.label) == ("registry.tenant", str(tenant.pk), "Northpark Energy")
    assert entry.tenant == tenant.pk


@pytest.mark.parametrize("kind", ["stranger", "clock", "worker", f"{COMMAND}prune"])
def test_where_no_person_acts_it_says_what_does(db: None, kind: str) -> None:
    with acting_as(Actor(kind)):
        entry = audit.record(AuditAction.RECORDS_PRUNED)
    assert (entry.who, entry.person_id) == (kind, None)
    assert (entry.kind, entry.object_id, entry.tenant) == ("", "", None)


def test_whatever_belongs_to_a_tenant_is_found_to_be_the_tenants(rows: Rows) -> None:
    tenant = rows.tenant()
    app = rows.app(tenant)
    credential = rows.credential(app)
    mailbox = Mailbox.objects.create(tenant=rows.tenant("elsewhere"), app=app, address="a@x.example")
    assert audit.record(AuditAction.APP_CREATED, app).tenant == tenant.pk
    assert audit.record(AuditAction.CREDENTIAL_CREATED, credential).tenant == tenant.pk
    assert audit.record(AuditAction.MAILBOX_CREATED, mailbox).tenant == mailbox.tenant_id != tenant.pk


def test_numbers_have_no_gap_and_each_entry_holds_the_digest_before(db: None) -> None:
    for _time in range(3):
        audit.record(AuditAction.RECORDS_PRUNED, count=4)
    entries = list(AuditEntry.objects.order_by("number"))
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == [GENESIS, entries[0].digest, entries[1].digest]
    for entry in entries:
        assert entry.digest == digest_of(vars(entry))
    assert audit.head().number == 3


@pytest.mark.django_db(transaction=True)
def test_an_act_outside_a_transaction_is_not_recorded_but_refused() -> None:
    with pytest.raises(audit.OutsideTransaction):
        audit.record(AuditAction.RECORDS_PRUNED)
    assert audit.head() == BEGINNING


@pytest.mark.django_db(transaction=True)
def test_no_record_no_act() -> None:
    """The database refuses the entry: what was to be recorded did not happen either."""
    refuse_all()
    try:
        with pytest.raises(DatabaseError):
            add_a_tenant()
        assert not Tenant.objects.exists()
    finally:
        run("DROP TRIGGER refuse_all" + (" ON accounts_auditentry" if connection.vendor == "postgresql" else ""))


def refuse_all() -> None:
    if connection.vendor == "postgresql":
        run("CREATE OR REPLACE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$")
        run("CREATE TRIGGER refuse_all BEFORE INSERT ON accounts_auditentry EXECUTE FUNCTION no()")
    else:
        run("CREATE TRIGGER refuse_all BEFORE INSERT ON accounts_auditentry BEGIN SELECT RAISE(ABORT, 'no'); END")


@pytest.mark.django_db(transaction=True)
def test_no_act_no_record() -> None:
    with pytest.raises(ZeroDivisionError):
        add_a_tenant(1 // 0 for _time in "x")
    assert audit.head() == BEGINNING


@transaction.atomic
def add_a_tenant(more: Iterable[object] = ()) -> None:
    """And what else is done in the same transaction."""
    audit.record(AuditAction.TENANT_CREATED, Rows(NOW).tenant())
    list(more)


@pytest.mark.django_db(transaction=True)
def test_what_was_refused_is_recorded_by_itself() -> None:
    entry = audit.record_refusal(AuditAction.ACCESS_REFUSED, result="refused", route="tenant-edit")
    assert entry is not None
    assert AuditEntry.objects.get().digest == entry.digest
    with pytest.raises(NotARefusal):
        audit.record_refusal(AuditAction.TENANT_CREATED, result="done")


def test_a_change_names_what_became_what(rows: Rows) -> None:
    tenant = rows.tenant("Northpark", time_zone="UTC")
    with audit.record_change(AuditAction.TENANT_CHANGED, tenant, reason="merger"):
        tenant.name, tenant.notes = "Northpark Energy", "call first"
        tenant.save()
    entry = AuditEntry.objects.get()
    assert entry.details == {
        "changes": {"name": ["Northpark", "Northpark Energy"], "notes": "changed"},
        "reason": "merger",
    }


def test_of_a_secret_only_that_it_changed(rows: Rows) -> None:
    credential = rows.credential(value="canary-before-0123456789")
    credential = Credential.objects.get(pk=credential.pk)
    with audit.record_change(AuditAction.CREDENTIAL_CHANGED, credential):
        credential.store("canary-after-0123456789")
        credential.expires_at = NOW + timedelta(days=700)
        credential.save()
    changes = AuditEntry.objects.get().details["changes"]
    assert changes["value"] == "changed"
    assert changes["expires_at"][1] == (NOW + timedelta(days=700)).isoformat()
    assert "canary" not in str(changes)
    assert "can" not in str(changes.get("hint"))


def test_a_detail_that_nobody_has_decided_about_is_refused(db: None) -> None:
    with pytest.raises(fields.NotListed):
        audit.record(AuditAction.RECORDS_PRUNED, password="x")
    with pytest.raises(ValueError, match="exploded"):
        audit.record("tenant.exploded")


def test_a_text_is_one_line_that_each_database_takes(rows: Rows) -> None:
    tenant = rows.tenant("a\nb\x1b[31m" + "é" * 100)
    entry = audit.record(AuditAction.TENANT_CREATED, tenant, reason="x\ud800\u2028y" + "z" * 900)
    entry.refresh_from_db()
    assert entry.label.startswith("a b [31mé")
    assert entry.details["reason"].startswith("x? yzz")
    assert len(entry.details["reason"]) == 300
    assert verify().ok


def test_a_thing_that_is_gone_is_recorded_as_it_was(rows: Rows) -> None:
    tenant = rows.tenant("Gone SA")
    was = audit.AuditTarget.of(tenant)
    tenant.delete()
    entry = audit.record(AuditAction.TENANT_DELETED, was, deleted_with={"apps": 2})
    assert (entry.label, entry.object_id, str(entry.tenant)) == ("Gone SA", was.object_id, was.object_id)


def test_a_person_who_is_deleted_stays_in_the_entries(db: None, administrator: User) -> None:
    number = administrator.pk
    with acting_as(Actor(get_person=lambda: administrator)):
        audit.record(AuditAction.RECORDS_PRUNED)
    administrator.delete()
    entry = AuditEntry.objects.get()
    assert (entry.who, entry.person_id) == ("ada@northpark.example", number)
    assert verify().ok


@pytest.mark.control(60)
@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_chain() -> None:
    begin = Barrier(THREADS)
    failed: list[Exception] = []

    def work() -> None:
        begin.wait()
        try:
            for _time in range(EACH):
                with transaction.atomic():
                    Contact.objects.count()
                    audit.record(AuditAction.RECORDS_PRUNED)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [Thread(target=work) for _number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    found = verify()
    assert (found.ok, found.count, found.head.number) == (True, THREADS * EACH, THREADS * EACH)
