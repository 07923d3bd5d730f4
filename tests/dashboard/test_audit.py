"""The audit trail's page: found again by person, thing, kind and time; each sees their tenants' alone; taken along."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from itertools import pairwise
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from alertadmin import audit
from alertadmin.accounts.models import Membership, User
from alertadmin.accounts.roles import Role
from alertadmin.audit import AuditAction, AuditEntry, Result
from alertadmin.audit.hash_chain import digest_of
from alertadmin.audit.target import AuditTarget
from alertadmin.dashboard.audit.detail_labels import value_of
from alertadmin.dashboard.audit.export import cell
from alertadmin.dashboard.ui.badges import BADGES
from alertadmin.registry.models import Consent, Tenant
from alertadmin.registry.text import FORMULA
from tests.factories import Rows

pytestmark = pytest.mark.control(59)
PAGE = "/audit/"


@pytest.fixture
def renamed(rows: Rows) -> Tenant:
    tenant = rows.tenant("Harbour")
    with audit.record_change(AuditAction.TENANT_CHANGED, tenant):
        tenant.name = "Harbour Ltd"
        tenant.save()
    return tenant


def page(client: Client, query: str = "") -> str:
    return client.get(f"{PAGE}{query}").content.decode()


def exported(client: Client, form: str, query: str = "") -> str:
    answer = client.post(f"{reverse('audit-export')}{query}", {"format": form})
    return answer.getvalue().decode()


def test_what_became_what_is_told_with_a_link_to_the_thing(signed_in: Client, renamed: Tenant) -> None:
    shown = page(signed_in)
    assert "Tenant changed" in shown
    assert "name: Harbour → Harbour Ltd" in shown
    assert f'href="{renamed.get_absolute_url()}"' in shown


def test_what_is_gone_is_no_link(signed_in: Client, renamed: Tenant) -> None:
    url = renamed.get_absolute_url()
    signed_in.post(reverse("tenant-delete", args=[renamed.pk]))
    deleted = page(signed_in, f"?act={AuditAction.TENANT_DELETED}")
    assert "Tenant deleted" in deleted
    assert f'href="{url}"' not in deleted


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("?q=harbour", True),
        ("?q=nowhere", False),
        ("?act=tenant.changed", True),
        ("?act=tenant.created", False),
        ("?result=done&days=1", True),
        ("?result=refused", False),
    ],
)
def test_it_is_searched(signed_in: Client, renamed: Tenant, query: str, is_found: bool) -> None:
    assert ("Harbour Ltd" in page(signed_in, query)) is is_found


def test_everything_about_one_thing_is_found_by_its_id(signed_in: Client, renamed: Tenant, rows: Rows) -> None:
    audit_of_another = rows.tenant("Northpark")
    with audit.record_change(AuditAction.TENANT_CHANGED, audit_of_another):
        audit_of_another.save()
    shown = page(signed_in, f"?q={renamed.pk}")
    assert "Harbour Ltd" in shown
    assert "Northpark" not in shown


def test_a_customer_s_auditor_reads_of_their_tenant_alone(client: Client, renamed: Tenant, rows: Rows) -> None:
    other = rows.tenant("Northpark")
    with audit.record_change(AuditAction.TENANT_CHANGED, other):
        other.save()
    auditor = User.objects.create(email="audit@harbour.example")
    Membership.objects.create(user=auditor, tenant=renamed, role=Role.AUDITOR)
    client.force_login(auditor)
    shown = page(client)
    assert "Harbour Ltd" in shown
    assert "Northpark" not in shown
    assert "verify_audit" not in shown  # of the whole installation's trail


def test_whoever_may_not_read_it_is_refused_on_the_record(client: Client, renamed: Tenant) -> None:
    viewer = User.objects.create(email="look@harbour.example")
    Membership.objects.create(user=viewer, tenant=renamed, role=Role.VIEWER)
    client.force_login(viewer)
    assert client.get(PAGE).status_code == 403
    last = AuditEntry.objects.first()
    assert last is not None
    assert (last.act, last.who, last.details) == (AuditAction.ACCESS_REFUSED, viewer.email, {"path": "audit"})


def test_an_export_holds_what_the_page_shows_and_is_on_the_record(signed_in: Client, renamed: Tenant) -> None:
    [header, *lines] = csv.reader(io.StringIO(exported(signed_in, "csv", "?act=tenant.changed")))
    assert len(lines) == 1
    told = dict(zip(header, lines[0], strict=True))
    assert (told["act"], told["label"]) == ("tenant.changed", "Harbour Ltd")
    assert json.loads(told["details"])["changes"]["name"] == ["Harbour", "Harbour Ltd"]
    last = AuditEntry.objects.first()
    assert last is not None
    assert (last.act, last.details) == (AuditAction.EXPORT_DONE, {"format": "csv", "filter": "act=tenant.changed"})


def test_the_exported_chain_is_checked_without_this_program(signed_in: Client, renamed: Tenant) -> None:
    lines = [json.loads(line) for line in exported(signed_in, "jsonl").splitlines()]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert all(line["previous"] == before["digest"] for before, line in pairwise(lines))
    for line in lines:
        at, tenant = datetime.fromisoformat(line["at"]), UUID(line["tenant"]) if line["tenant"] else None
        assert digest_of({**line, "at": at, "tenant": tenant}) == line["digest"]


def test_an_unknown_format_leads_back(signed_in: Client, db: None) -> None:
    assert signed_in.post(reverse("audit-export"), {"format": "exe"}).headers["Location"] == PAGE


@pytest.mark.control(51)
@settings(max_examples=200)
@given(st.text(max_size=12), st.sampled_from([*FORMULA, *(f" {sign}" for sign in FORMULA)]))
def test_no_cell_is_a_formula(text: str, sign: str) -> None:
    for value in (text, sign + text):
        assert not cell(value).lstrip(" ").startswith(FORMULA)
        assert cell(value).removeprefix("'") in (value, value.removeprefix("'"))


def test_each_result_has_a_look_of_its_own() -> None:
    assert set(Result.values) <= set(BADGES)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("cause", "tenant_not_found", "The tenant does not exist"),
        ("cause", "of_a_later_version", "of a later version"),
        ("status", "not_in_token", "Not in token"),
        ("state", "retired", "Superseded"),
        ("transport", "ews", "Exchange Web Services (EWS)"),
        ("contacts", {"added": ["a@x.example", "b@x.example"]}, "added: a@x.example, b@x.example"),
        ("deleted_with", {"registry.Mailbox": 2}, "2 Mailbox"),
        ("expires_at", "2027-12-31T13:30:00+00:00", "31 Dec 2027, 13:30 UTC"),
        ("is_active", False, "no"),
        ("reason", "", "–"),
    ],
)
def test_details_are_in_words(field: str, value: object, words: str) -> None:
    assert value_of(field, value) == words


def test_a_consent_is_named_without_the_status_that_it_had(rows: Rows) -> None:
    app = rows.app()
    consent = Consent(app=app, tenant=app.tenant, permission="Mail.Send", status="unknown")
    assert AuditTarget.of(consent).label == "Mail.Send"


def test_the_program_acts_under_a_name_that_is_known(signed_in: Client) -> None:
    audit.record(AuditAction.EXPORT_DONE, format="csv")
    assert "alertadmin (command)" in page(signed_in)
