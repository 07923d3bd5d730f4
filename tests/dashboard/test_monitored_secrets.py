"""A secret that is only monitored, on the pages: added beside the one in use, shown with its state, put into use."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.audit.models import AuditEntry
from alertadmin.dashboard.ui.badges import badge_of_expiry
from alertadmin.registry.models import Credential, CredentialState
from sandbox import Sandbox
from tests.factories import Rows, Site

KEY = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"


def add(client: Client, site: Site, **fields: str) -> str:
    data = {"expires_at": "2027-06-30", "description": "beside", "key_id": f"{{{KEY.upper()}}}", **fields}
    return client.post(reverse("credential-add", args=[site.app.pk]), data, follow=True).content.decode()


@pytest.mark.parametrize("value", ["", "x" * 40])
def test_one_added_to_be_monitored_supersedes_none(sandbox: Sandbox, rows: Rows, signed_in: Client, value: str) -> None:
    site = rows.site(sandbox)
    assert "The secret is monitored." in add(signed_in, site, only_monitor="on", value=value)
    beside = Credential.objects.get(description="beside")
    assert (beside.state, beside.key_id, bool(beside.value)) == (CredentialState.OTHER, KEY, bool(value))
    site.credential.refresh_from_db()
    assert site.credential.state == CredentialState.CURRENT
    for page in (site.app.get_absolute_url(), f"{reverse('credentials')}?state=watched", beside.get_absolute_url()):
        assert "Monitored only" in signed_in.get(page).content.decode()


@pytest.mark.parametrize("works", [True, False])
def test_the_one_in_use_gets_the_value_that_it_lacks(
    sandbox: Sandbox, rows: Rows, signed_in: Client, works: bool
) -> None:
    site = rows.site(sandbox)
    Credential.objects.filter(pk=site.credential.pk).update(value=None, key_id=KEY)
    value = str(sandbox.directory.add_secret(site.app.client_id).value) if works else "x" * 40
    page = add(signed_in, site, value=value)
    assert ("Verified and in use." in page, "It is stored and in use." in page) == (works, not works)
    only = Credential.objects.get(app=site.app)
    assert (only.pk, only.state, only.holds(value)) == (site.credential.pk, CredentialState.CURRENT, True)


@pytest.mark.parametrize(
    ("state", "days", "colour"),
    [
        (CredentialState.CURRENT, -20, "danger"),
        (CredentialState.OTHER, -20, "warning"),
        (CredentialState.CURRENT, 3, "danger"),
        (CredentialState.OTHER, 3, "danger"),
    ],
)
def test_the_app_page_tells_two_without_a_name_apart(
    rows: Rows, signed_in: Client, state: CredentialState, days: int, colour: str
) -> None:
    """By their IDs. An expired one that is only monitored is a warning, until then a program may depend on it."""
    ends = timezone.now() + timedelta(days=days, hours=1)
    found = rows.credential(description="", key_id=KEY, state=state, expires_at=ends)
    page = signed_in.get(found.app.get_absolute_url()).content.decode()
    assert KEY[:8] in page
    assert badge_of_expiry(found, timezone.now()).colour == colour


def test_its_value_is_required_to_use_it(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site = rows.site(sandbox)
    add(signed_in, site)
    assert not Credential.objects.filter(description="beside").exists()


def test_an_id_that_is_no_id_is_refused_and_a_known_one_is_the_same(
    sandbox: Sandbox, rows: Rows, signed_in: Client
) -> None:
    site = rows.site(sandbox)
    assert "This is not an ID" in add(signed_in, site, only_monitor="on", key_id="alert")
    add(signed_in, site, only_monitor="on")
    assert "This app already has a secret with this ID." in add(signed_in, site, only_monitor="on")
    edit = reverse("credential-edit", args=[site.credential.pk])
    data = {"description": "alert", "key_id": KEY, "expires_at": "2027-06-30"}
    assert "This app already has a secret with this ID." in signed_in.post(edit, data).content.decode()


def test_a_verified_one_is_put_into_use(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site = rows.site(sandbox)
    add(signed_in, site, only_monitor="on", value=str(sandbox.directory.add_secret(site.app.client_id).value))
    beside = Credential.objects.get(description="beside")
    assert "Verify and put into use" in signed_in.get(beside.get_absolute_url()).content.decode()
    signed_in.post(reverse("credential-promote", args=[beside.pk]))
    states = dict(Credential.objects.filter(app=site.app).values_list("description", "state"))
    assert states == {"alert": "retired", "beside": "current"}


def test_monitoring_ends_and_resumes_by_a_button(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site = rows.site(sandbox)
    add(signed_in, site, only_monitor="on")
    beside = Credential.objects.get(description="beside")
    for name, shown, state in (
        ("credential-retire", "No longer used", CredentialState.RETIRED),
        ("credential-monitor", "Monitor again", CredentialState.OTHER),
    ):
        assert shown in signed_in.get(beside.get_absolute_url()).content.decode()
        entries = AuditEntry.objects.count()
        for _twice in range(2):
            signed_in.post(reverse(name, args=[beside.pk]))
            beside.refresh_from_db()
            assert beside.state == state
        assert AuditEntry.objects.count() == entries + 1


def test_the_one_in_use_is_replaced_and_an_expired_one_stays_superseded(
    sandbox: Sandbox, rows: Rows, signed_in: Client
) -> None:
    site = rows.site(sandbox)
    gone = rows.credential(site.app, state=CredentialState.RETIRED, expires_at=timezone.now() - timedelta(days=1))
    for credential in (site.credential, gone):
        page = signed_in.get(credential.get_absolute_url()).content.decode()
        assert "No longer used" not in page
        assert "Monitor again" not in page
    signed_in.post(reverse("credential-retire", args=[site.credential.pk]))
    site.credential.refresh_from_db()
    assert site.credential.state == CredentialState.CURRENT


def test_the_overview_says_which_of_the_expiring_is_in_use(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site = rows.site(sandbox)
    ended = timezone.now() - timedelta(days=1)
    rows.credential(site.app, state=CredentialState.OTHER, description="beside", expires_at=ended)
    page = signed_in.get(reverse("overview")).content.decode()
    assert "beside · Monitored only" in page
    assert "mail through it is stopped" not in page
    Credential.objects.filter(pk=site.credential.pk).update(expires_at=ended)
    assert "mail through it is stopped" in signed_in.get(reverse("overview")).content.decode()
