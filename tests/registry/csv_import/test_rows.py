"""Rows add or update; an empty cell leaves the stored value."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from pytest_django import DjangoAssertNumQueries

from alertadmin.registry.models import AppRegistration, Contact, Credential, CredentialState, Mailbox, Tenant
from alertadmin.registry.permissions import Permission
from tests.registry.csv_import.csv_files import (
    ALERT,
    HARBOUR,
    NORTHPARK,
    NOW,
    OTHER_SECRET,
    SECRET,
    imported,
    imported_bytes,
    mistakes,
    row,
    written,
)

pytestmark = pytest.mark.django_db


def contacts() -> list[str]:
    return list(Contact.objects.values_list("email", flat=True))


def value_of(credential: Credential) -> str:
    credential.refresh_from_db()
    assert credential.value is not None
    return credential.value.decrypt()


def test_row_creates_tenant_app_secret_and_mailbox() -> None:
    done = imported(row())
    assert (done.rows, done.added, done.changed, done.remarks) == (1, 4, 0, [])
    tenant = Tenant.objects.get()
    assert (tenant.name, tenant.directory_id, tenant.cloud) == ("Northpark Energy", NORTHPARK, "global")
    assert contacts() == ["duty@northpark.example", "it@northpark.example"]
    app = tenant.apps.get()
    assert (app.name, app.client_id, app.audience, app.required_permissions) == (
        "ALERT",
        ALERT,
        "AzureADMyOrg",
        [Permission.MAIL_SEND],
    )
    credential = app.credentials.get()
    assert (credential.description, credential.hint, credential.state) == ("alert", SECRET[:3], CredentialState.CURRENT)
    assert credential.expires_at == datetime(2027, 12, 31, tzinfo=UTC)
    assert value_of(credential) == SECRET
    mailbox = app.mailboxes.get()
    assert (mailbox.address, mailbox.transport, mailbox.tenant) == ("alarms@northpark.example", "graph", tenant)


def test_the_same_file_again_changes_nothing() -> None:
    imported(row())
    sealed = Credential.objects.get().value
    done = imported(row(contact_emails="DUTY@northpark.example, it@northpark.example", transport="Graph"))
    assert (done.added, done.changed) == (0, 0)
    assert Credential.objects.get().value == sealed


def test_empty_cells_leave_stored_values() -> None:
    imported(row())
    done = imported({"directory_id": NORTHPARK, "client_id": ALERT, "secret_expires_on": "2028-06-30"})
    assert (done.added, done.changed) == (0, 1)
    credential = Credential.objects.get()
    assert credential.expires_at == datetime(2028, 6, 30, tzinfo=UTC)
    assert (credential.description, value_of(credential)) == ("alert", SECRET)
    assert Tenant.objects.get().name == "Northpark Energy"
    assert len(contacts()) == 2


def test_missing_column_counts_as_empty() -> None:
    imported(row())
    done = imported_bytes(
        written({"directory_id": NORTHPARK, "tenant_name": "North"}, columns=("directory_id", "tenant_name"))
    )
    assert (done.added, done.changed) == (0, 1)
    assert Tenant.objects.get().name == "North"


@pytest.mark.parametrize("spelling", [NORTHPARK.upper(), f"{{{NORTHPARK}}}", NORTHPARK.replace("-", "")])
def test_an_id_in_another_spelling_is_the_same_tenant(spelling: str) -> None:
    imported(row())
    assert (imported(row(directory_id=spelling)).added, Tenant.objects.count()) == (0, 1)


def test_a_tenant_on_many_lines_needs_its_name_and_contacts_once() -> None:
    bare = {"tenant_name": "", "contact_emails": "", "cloud": ""}
    done = imported(
        row(),
        row(client_id=HARBOUR, app_name="Backup", **bare),
        row(mailbox="second@northpark.example", transport="ews", **bare),
    )
    assert (done.rows, done.added) == (3, 1 + 2 + 2 + 3)
    assert len(contacts()) == 2
    alert = AppRegistration.objects.get(client_id=ALERT)
    assert {mailbox.address: mailbox.transport for mailbox in alert.mailboxes.all()} == {
        "alarms@northpark.example": "graph",
        "second@northpark.example": "ews",
    }
    assert alert.required_permissions == [Permission.MAIL_SEND, Permission.FULL_ACCESS]
    assert alert.credentials.count() == 1


def test_contacts_of_several_lines_are_merged() -> None:
    imported(row(contact_emails="a@x.example"), row(client_id=HARBOUR, contact_emails="B@x.example; A@x.example"))
    assert contacts() == ["B@x.example", "a@x.example"]


def test_contacts_in_the_file_replace_stored_ones() -> None:
    imported(row())
    kept = Contact.objects.get(email="it@northpark.example").pk
    done = imported(row(contact_emails="IT@northpark.example;new@northpark.example"))
    assert (done.added, done.changed) == (0, 1)
    assert contacts() == ["it@northpark.example", "new@northpark.example"]
    assert Contact.objects.get(email="it@northpark.example").pk == kept


def test_two_customers_may_use_one_app_registration() -> None:
    imported(row(), row(directory_id=HARBOUR, tenant_name="Harbour", mailbox="alarms@harbour.example"))
    assert list(AppRegistration.objects.values_list("client_id", flat=True)) == [ALERT, ALERT]


def test_dates_are_read_in_the_tenants_time_zone() -> None:
    imported(row())
    Tenant.objects.update(time_zone="Europe/Paris")
    imported(row(secret_expires_on="2028-06-30"))
    assert Credential.objects.get().expires_at == datetime(2028, 6, 30, tzinfo=ZoneInfo("Europe/Paris"))


@pytest.mark.parametrize(
    ("cell", "end"),
    [
        ("2027-12-31", "2027-12-31T00:00+00:00"),
        ("2027-12-31T14:30", "2027-12-31T14:30+00:00"),
        ("2027-12-31 14:30:00", "2027-12-31T14:30+00:00"),
        ("2027-12-31T14:30:00Z", "2027-12-31T14:30+00:00"),
        ("2027-12-31T14:30:00.1234567Z", "2027-12-31T14:30:00.123456+00:00"),
        ("2027-12-31T14:30+02:00", "2027-12-31T12:30+00:00"),
    ],
)
def test_an_end_is_a_date_or_a_moment(cell: str, end: str) -> None:
    imported(row(secret_expires_on=cell))
    assert Credential.objects.get().expires_at == datetime.fromisoformat(end)


@pytest.mark.parametrize("cell", ["ews", "EWS", " Ews "])
def test_a_transport_is_read_in_any_case(cell: str) -> None:
    imported(row(transport=cell))
    assert Mailbox.objects.get().transport == "ews"
    assert AppRegistration.objects.get().required_permissions == [Permission.FULL_ACCESS]


def test_white_space_within_a_name_is_one_space() -> None:
    imported(row(tenant_name="  Northpark\xa0\n Energy "))
    assert Tenant.objects.get().name == "Northpark Energy"


def test_secret_without_value_is_imported_with_its_expiry() -> None:
    imported(row(secret_value=""))
    assert Credential.objects.get().value is None
    assert imported(row()).changed == 1
    assert value_of(Credential.objects.get()) == SECRET


def test_past_expiry_is_accepted() -> None:
    imported(row(secret_expires_on="2020-01-01"))
    assert Credential.objects.get().is_expired(NOW)


def test_expiry_after_24_months_is_remarked_once() -> None:
    done = imported(row(secret_expires_on="2030-01-01"))
    assert [(one.line, one.column) for one in done.remarks] == [(2, "secret_expires_on")]
    assert "24 months" in done.remarks[0].message
    assert imported(row(secret_expires_on="2030-01-01")).remarks == []


# Secrets that come and go


def test_new_value_replaces_the_old_one_and_is_unproven() -> None:
    imported(row())
    Credential.objects.update(proven_at=NOW)
    assert imported(row(secret_value=OTHER_SECRET)).changed == 1
    credential = Credential.objects.get()
    assert (value_of(credential), credential.hint, credential.proven_at) == (OTHER_SECRET, OTHER_SECRET[:3], None)


def test_secret_with_another_description_is_staged() -> None:
    imported(row())
    done = imported(row(secret_description="alert 2027", secret_value=OTHER_SECRET))
    assert (done.added, done.changed) == (1, 0)
    assert "waits" in done.remarks[0].message
    assert Credential.objects.get(description="alert 2027").state == CredentialState.NEXT


@pytest.mark.parametrize("first", [CredentialState.CURRENT, CredentialState.NEXT])
def test_row_without_description_updates_the_current_secret(first: CredentialState) -> None:
    imported(row(), row(secret_description="second", secret_value=OTHER_SECRET, mailbox=""))
    ids = sorted(Credential.objects.values_list("pk", flat=True))
    states = [CredentialState.CURRENT, CredentialState.NEXT]
    Credential.objects.update(state=CredentialState.RETIRED)
    for pk, state in zip(ids, states if first == states[0] else reversed(states), strict=True):
        Credential.objects.filter(pk=pk).update(state=state)
    imported(row(secret_description="", secret_value="", secret_expires_on="2028-06-30"))
    assert Credential.objects.get(expires_at__year=2028).state == CredentialState.CURRENT


def test_any_further_secret_is_monitored() -> None:
    imported(row(), row(secret_description="second", secret_value=OTHER_SECRET, mailbox=""))
    for name in ("third", "fourth"):
        done = imported(row(secret_description=name, secret_value=name * 8))
        assert [remark.column for remark in done.remarks] == ["secret_value"]
    found = list(Credential.objects.order_by("created_at").values_list("state", flat=True))
    assert found == ["current", "next", "other", "other"]
    assert Credential.objects.watched().count() == 4


def test_secret_is_matched_by_its_value() -> None:
    imported(row())
    done = imported(row(secret_description="renamed"))
    assert (done.added, done.changed) == (0, 1)
    assert Credential.objects.get().description == "renamed"


@pytest.mark.parametrize(
    ("stored", "replaced_by", "yesterday"),
    [
        (SECRET, "alert", row()),
        (SECRET, "alert", row(secret_description="")),
        (SECRET, "alert 2028", row()),
        ("", "alert 2028", row(secret_value="")),
    ],
    ids=["of the same description", "of no description", "of another description", "without a value"],
)
def test_old_file_does_not_restore_a_rotated_secret(stored: str, replaced_by: str, yesterday: dict[str, str]) -> None:
    imported(row(secret_value=stored))
    Credential.objects.update(state=CredentialState.RETIRED)
    imported(row(secret_value=OTHER_SECRET, secret_expires_on="2028-12-31", secret_description=replaced_by))
    done = imported(yesterday)
    assert (done.added, done.changed) == (0, 0)
    assert "superseded" in done.remarks[0].message
    new = Credential.objects.get(state=CredentialState.CURRENT)
    assert (value_of(new), new.expires_at.year) == (OTHER_SECRET, 2028)


def test_expiry_before_the_start_is_refused() -> None:
    imported(row())
    Credential.objects.update(starts_at=NOW)
    assert mistakes(row(secret_expires_on="2026-11-23T08:00Z")) == [(2, "secret_expires_on")]


# Number of queries


def test_the_number_of_queries_does_not_grow_with_the_rows(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    def customers(count: int, end: str) -> list[dict[str, str]]:
        ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(count)]
        return [row(directory_id=i, client_id=i, secret_expires_on=end, contact_emails=f"{i}@x.example") for i in ids]

    with django_assert_max_num_queries(34):
        imported(*customers(3, "2027-12-31"))
    with django_assert_max_num_queries(34):
        assert imported(*customers(300, "2027-12-31")).added == 4 * 297
    with django_assert_max_num_queries(34):
        assert imported(*customers(300, "2028-01-31")).changed == 300


def test_unchanged_columns_are_not_written(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    """Another transaction may change them meanwhile."""
    imported(row())
    with django_assert_max_num_queries(34) as statements:
        imported(row(secret_expires_on="2028-01-31"))
    updates = [one["sql"].partition("DO UPDATE SET")[2] for one in statements if "DO UPDATE SET" in one["sql"]]
    assert [re.findall(r'"(\w+)" =', update) for update in updates] == [["end_moved_at", "end_moves", "expires_at"]]


def test_personal_account_keeps_its_transport_and_adds_no_permission() -> None:
    imported(row())
    Mailbox.objects.update(is_personal=True)
    AppRegistration.objects.update(permissions=[])
    assert mistakes(row(transport="ews")) == [(2, "transport")]
    imported(row(transport=""))
    imported(row(transport="graph"))
    assert Mailbox.objects.get().transport == "graph"
    assert AppRegistration.objects.get().permissions == []
