"""The import assistant between its steps: whose file it is, how long it is kept, what is shown, and the worker."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import Membership, User
from alertadmin.audit import AuditEntry
from alertadmin.registry.csv_import import import_steps
from alertadmin.registry.models import AppRegistration, Credential, ImportStatus, PendingImport, Tenant
from tests.dashboard.test_csv_import import HEADER, ROW, SECRET, check, confirm, upload

NORTHPARK = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
STEPS = ("import-columns", "import-preview", "import-refused")


def kept() -> PendingImport:
    return PendingImport.objects.get()


def pages(client: Client) -> list[int]:
    return [client.get(reverse(name, args=[kept().pk])).status_code for name in STEPS]


def bad(**cells: str) -> str:
    row = dict(zip(HEADER.split(","), ROW.split(","), strict=True)) | cells
    return ",".join(row.values())


def test_a_file_is_encrypted_and_gone_after_the_import(signed_in: Client) -> None:
    upload(signed_in, f"{HEADER}\n{ROW}\n")
    for content in (kept().content, kept().report):
        assert SECRET not in (content.token if content else "")
    page = check(signed_in).content.decode()
    assert "with its value" in page
    assert SECRET not in page
    assert SECRET not in str(kept().answers)
    assert not Tenant.objects.exists()
    confirm(signed_in)
    assert kept().content is None
    assert Credential.objects.exists()


def test_it_is_deleted_after_an_hour(signed_in: Client) -> None:
    upload(signed_in, f"{HEADER}\n{ROW}\n")
    PendingImport.objects.update(expires_at=timezone.now())
    assert pages(signed_in) == [404, 404, 404]
    import_steps.continue_imports()
    assert not PendingImport.objects.exists()


def test_it_belongs_to_its_user(signed_in: Client) -> None:
    upload(signed_in, f"{HEADER}\n{bad(directory_id='x')}\n")
    check(signed_in)
    assert pages(signed_in) == [200, 200, 200]
    PendingImport.objects.update(person=User.objects.create(email="other@x.example"))
    assert pages(signed_in) == [404, 404, 404]
    assert signed_in.post(reverse("import-stop", args=[kept().pk])).status_code == 404


def test_what_the_rows_do_is_shown_and_the_same_file_changes_nothing(signed_in: Client) -> None:
    other = bad(directory_id=NORTHPARK.replace("1b", "2b"), tenant_name="Harbour")
    upload(signed_in, f"{HEADER}\n{ROW}\n{other}\n")
    assert [kind["count"] for kind in check(signed_in).context["kinds"]] == [2, 0, 0]
    confirm(signed_in)
    PendingImport.objects.all().delete()
    moved = other.replace("2028-11-22", "2028-12-22")
    upload(signed_in, f"{HEADER}\n{ROW}\n{moved}\n")
    page = check(signed_in)
    assert [kind["count"] for kind in page.context["kinds"]] == [0, 1, 1]
    assert "22 Dec 2028" in page.content.decode()


def test_refused_rows_are_downloaded_corrected_and_imported(signed_in: Client) -> None:
    wrong = bad(directory_id=NORTHPARK.replace("1b", "2b"), secret_expires_on="soon", tenant_name="=cmd()")
    upload(signed_in, f"{HEADER}\n{ROW}\n{wrong}\n")
    assert check(signed_in).context["refused_rows"] == 1
    confirm(signed_in)
    assert Tenant.objects.get().name == "Northpark"
    text = signed_in.get(reverse("import-refused", args=[kept().pk])).content.decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(text))
    assert "This is not a date" in row["reason"]
    assert row["tenant_name"] == "'=cmd()"
    assert SECRET not in text
    corrected = {**row, "secret_expires_on": "2028-11-22", "tenant_name": "Harbour"}
    again = io.StringIO()
    writer = csv.DictWriter(again, row)
    writer.writeheader()
    writer.writerow(corrected)
    PendingImport.objects.all().delete()
    upload(signed_in, again.getvalue())
    assert "There is a space or a line break inside the value." in check(signed_in).content.decode()
    PendingImport.objects.all().delete()
    upload(signed_in, again.getvalue().replace(row["secret_value"], SECRET))
    assert check(signed_in).context["refused_rows"] == 0
    confirm(signed_in)
    assert Tenant.objects.count() == 2


def test_what_a_file_lacks_is_asked_once(signed_in: Client) -> None:
    content = f'[{{"appId": "{NORTHPARK[:-1]}e", "displayName": "Relay", "passwordCredentials": []}}]'
    assert upload(signed_in, content).status_code == 200
    assert check(signed_in).status_code == 422
    page = check(signed_in, directory_id=NORTHPARK, tenant_name="Northpark")
    assert [kind["count"] for kind in page.context["kinds"]] == [1, 0, 0]
    confirm(signed_in)
    assert AppRegistration.objects.get().tenant.name == "Northpark"
    assert upload(signed_in, content).status_code == 200
    tenant = Tenant.objects.get()
    assert [kind["count"] for kind in check(signed_in, tenant=str(tenant.pk)).context["kinds"]] == [0, 0, 1]


def test_a_column_can_be_taken_for_another(signed_in: Client) -> None:
    upload(signed_in, f"Firm,{HEADER.removeprefix('tenant_name,')}\n{ROW}\n")
    page = check(signed_in, **{"column-0": ""})
    assert page.context["refused_rows"] == 1
    page = check(signed_in, **{"column-0": "tenant_name"})
    assert page.context["refused_rows"] == 0


def test_a_pasted_table_is_read(signed_in: Client) -> None:
    text = f"{HEADER}\n{ROW}\n".replace(",", "\t")
    signed_in.post(reverse("import"), {"text": text})
    assert check(signed_in).context["refused_rows"] == 0


@pytest.fixture
def long_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_steps, "MAX_INLINE", 0)


def test_a_long_file_is_left_to_the_worker(signed_in: Client, long_files: None) -> None:
    upload(signed_in, f"{HEADER}\n{ROW}\n")
    page = check(signed_in).content.decode()
    assert 'hx-trigger="every 2s"' in page
    import_steps.continue_imports()
    assert kept().status == ImportStatus.CHECKED
    confirm(signed_in)
    assert kept().status == ImportStatus.IMPORTING
    assert not Tenant.objects.exists()
    import_steps.continue_imports()
    assert (kept().status, kept().done, kept().content) == (ImportStatus.DONE, 1, None)
    assert Tenant.objects.exists()


def test_a_stopped_import_does_nothing_more(signed_in: Client, long_files: None) -> None:
    upload(signed_in, f"{HEADER}\n{ROW}\n")
    check(signed_in)
    import_steps.continue_imports()
    confirm(signed_in)
    signed_in.post(reverse("import-stop", args=[kept().pk]))
    import_steps.continue_imports()
    assert not Tenant.objects.exists()


def test_the_worker_does_nothing_for_a_user_whose_role_was_withdrawn(signed_in: Client, long_files: None) -> None:
    upload(signed_in, f"{HEADER}\n{ROW}\n")
    check(signed_in)
    Membership.objects.all().delete()
    import_steps.continue_imports()
    assert not PendingImport.objects.exists()


def test_another_worker_takes_over_from_a_killed_one(signed_in: Client, long_files: None) -> None:
    upload(signed_in, f"{HEADER}\n{ROW}\n")
    check(signed_in)
    PendingImport.objects.update(lease_until=timezone.now() + timedelta(minutes=5))
    import_steps.continue_imports()
    assert kept().status == ImportStatus.CHECKING
    PendingImport.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    import_steps.continue_imports()
    assert kept().status == ImportStatus.CHECKED


def test_an_unknown_file_does_not_exist(signed_in: Client) -> None:
    assert signed_in.get(reverse("import-preview", args=[UUID(int=1)])).status_code == 404


@pytest.mark.control(55)
def test_a_file_with_very_many_columns_is_refused(signed_in: Client) -> None:
    page = upload(signed_in, "directory_id" + ",x" * 300 + "\n")
    assert page.status_code == 422
    assert "more than 200 columns" in page.content.decode()
    assert not PendingImport.objects.exists()


def two_windows(client: Client) -> str:
    """The page of a preview in the first window; the second one leaves a column out meanwhile."""
    upload(client, f"{HEADER}\n{ROW}\n")
    shown = check(client)
    check(client, **{"column-6": "", "column-7": ""})
    return str(shown.context["revision"])


def test_what_another_window_changed_is_not_imported_unseen(signed_in: Client) -> None:
    revision = two_windows(signed_in)
    page = confirm(signed_in, revision=revision).content.decode()
    assert "changed in another window" in page
    assert "What the rows do" in page
    assert not Tenant.objects.exists()
    assert "changed in another window" not in confirm(signed_in).content.decode()
    assert Tenant.objects.exists()


@pytest.mark.parametrize("revision", ["", "x", "0" * 16])
def test_a_preview_that_was_not_shown_is_not_imported(signed_in: Client, revision: str) -> None:
    two_windows(signed_in)
    confirm(signed_in, revision=revision)
    assert not Tenant.objects.exists()


def test_a_second_click_imports_nothing_again_and_says_nothing(signed_in: Client) -> None:
    upload(signed_in, f"{HEADER}\n{bad(transport='fax')}\n{ROW.replace('Northpark,1b', 'Harbour,2b')}\n")
    revision = check(signed_in).context["revision"]
    confirm(signed_in, revision=revision)
    before = AuditEntry.objects.count()
    page = confirm(signed_in, revision=revision).content.decode()
    assert "Stored: 4 added" in page
    assert "changed in another window" not in page
    assert AuditEntry.objects.count() == before


def test_columns_cannot_be_changed_while_the_rows_are_imported(signed_in: Client, long_files: None) -> None:
    upload(signed_in, f"{HEADER}\n{ROW}\n")
    form = signed_in.get(reverse("import-columns", args=[kept().pk])).context["form"]
    answers = {field.name: field.value() or "" for field in form}
    check(signed_in)
    import_steps.continue_imports()
    confirm(signed_in)
    page = signed_in.post(reverse("import-columns", args=[kept().pk]), answers | {"column-7": ""}, follow=True)
    assert "Import in progress" in page.content.decode()
    with pytest.raises(import_steps.ImportChanged):
        import_steps.check(kept(), {}, timezone.now())
    import_steps.continue_imports()
    assert kept().status == ImportStatus.DONE
    assert Tenant.objects.exists()


def test_counts_are_grouped_as_the_language_does(signed_in: Client, administrator: User) -> None:
    upload(signed_in, f"{HEADER}\n{ROW}\n")
    for language, number in (("en", "100,000"), ("fr", "100\xa0000")):
        administrator.language = language
        administrator.save()
        PendingImport.objects.update(rows=100_000)
        page = signed_in.get(reverse("import-columns", args=[kept().pk])).content.decode()
        assert number in page
