"""Step 1 of the guide: the directory, found at Microsoft from a domain, an address or an ID."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import idna
import pytest
from django.test import Client
from django.urls import reverse

from alertadmin.registry.models import SetupProgress, Tenant
from mailer.clouds import BUILTIN
from tests.dashboard.setup_wizard.steps import There, application, begin, found, heading, post
from tests.factories import Rows


@pytest.mark.parametrize(
    ("authority", "why"),
    [("https://localhost:1", "no connection"), ("https://login.nowhere.invalid", "its name is not known")],
)
def test_a_server_that_cannot_be_reached_is_named_in_plain_words(
    signed_in: Client, world: There, monkeypatch: pytest.MonkeyPatch, authority: str, why: str
) -> None:
    here = replace(BUILTIN["global"], authority=authority)
    monkeypatch.setattr("alertadmin.registry.clouds.clouds", lambda: {**BUILTIN, "global": here})
    page = signed_in.post(reverse("guide"), found(world, cloud="global")).content.decode()
    assert f"This machine could not reach {authority.removeprefix('https://')} ({why})." in page
    assert "Pool(" not in page
    assert f'value="{world.directory.domain}"' in page
    assert not Tenant.objects.exists()


@pytest.mark.parametrize(("really", "label"), [("gcc-high", "US Government GCC High"), ("china", "China (21Vianet)")])
def test_a_directory_of_another_cloud_is_named_with_its_cloud(
    signed_in: Client, world: There, monkeypatch: pytest.MonkeyPatch, really: str, label: str
) -> None:
    """Microsoft's worldwide authority knows it too, and says where it is. (Here that authority is the sandbox.)"""
    sandbox = world.sandbox
    here = replace(BUILTIN["global"], authority=sandbox.url, ca_file=str(sandbox.ca_file))
    monkeypatch.setattr("alertadmin.registry.clouds.clouds", lambda: {**BUILTIN, "global": here})
    domain = f"{uuid4().hex[:8]}.example"
    sandbox.directory.add_tenant("Northpark", domain, national_cloud=really)
    page = signed_in.post(reverse("guide"), {**found(world, domain), "cloud": "global"}).content.decode()
    assert f"This directory is in another cloud: choose “{label}”." in page
    assert not Tenant.objects.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "This field is required."),
        ("unknown-has-this.example", "knows no directory “unknown-has-this.example”"),
        ("9adcb7ba-283c-4d8e-b454-f1535664627c", "Microsoft knows no directory"),
        ("common", "enter the Directory (tenant) ID from the app registration"),
        ("not a domain", "This is neither a domain, such as northpark.com, nor an ID,"),
        ("https://entra.microsoft.com/?tenantId=x", "This is neither a domain, such as northpark.com, nor an ID,"),
        ("alarms@hotmail.co.uk", "hotmail.co.uk is for personal accounts"),
    ],
)
def test_a_directory_that_is_not_found_is_explained_and_what_was_typed_stays(
    signed_in: Client, world: There, text: str, said: str
) -> None:
    form = {**found(world, name="Northpark", contacts="duty@x.example"), "directory": text}
    page = signed_in.post(reverse("guide"), form).content.decode()
    assert said in page
    assert "duty@x.example" in page
    assert 'value="Northpark"' in page
    assert not Tenant.objects.exists()


@pytest.mark.parametrize("text", ["{domain}", " {domain}. ", "alarms@{domain}", "{id}", "{{{id}}}"])
def test_a_domain_an_address_and_an_id_lead_to_the_same_directory(signed_in: Client, world: There, text: str) -> None:
    typed = text.format(domain=world.directory.domain.upper(), id=world.directory.directory_id)
    assert heading(signed_in.post(reverse("guide"), found(world, typed), follow=True).content.decode()).startswith("2.")
    assert Tenant.objects.get().directory_id == world.directory.directory_id


def test_language_and_time_zone_of_the_tenant_are_asked_for(signed_in: Client, world: There) -> None:
    typed = found(world, time_zone="(UTC+01:00) Brussels, Copenhagen, Madrid, Paris", language="fr")
    signed_in.post(reverse("guide"), typed, follow=True)
    tenant = SetupProgress.objects.get().tenant
    assert (tenant.language, tenant.time_zone) == ("fr", "Europe/Paris")


@pytest.mark.control(70)
@pytest.mark.parametrize("text", ["{domain}", "alarms@{domain}"])
def test_a_look_alike_of_a_domain_leads_to_another_directory_or_none(
    signed_in: Client, world: There, text: str
) -> None:
    double = world.directory.domain.replace("e", "е")  # Cyrillic
    signed_in.post(reverse("guide"), found(world, text.format(domain=double)))
    assert not Tenant.objects.exists()
    there = world.sandbox.directory.add_tenant("Double", idna.encode(double).decode())
    signed_in.post(reverse("guide"), found(world, text.format(domain=double)))
    assert Tenant.objects.get().directory_id == there.directory_id


def test_an_authority_that_does_not_answer_loses_nothing(signed_in: Client, world: There) -> None:
    world.sandbox.faults.add(service="discovery", status=503)
    page = signed_in.post(reverse("guide"), found(world)).content.decode()
    assert "Try again; nothing is lost." in page
    assert f'value="{world.directory.domain}"' in page


def test_who_comes_twice_by_the_first_step_has_not_begun_two(signed_in: Client, world: There) -> None:
    begin(signed_in, world)
    begin(signed_in, world)
    post(signed_in, "application", application(world))
    begin(signed_in, world)
    assert [bool(guide.app) for guide in SetupProgress.objects.order_by("begun_at")] == [True, False]


def test_what_was_begun_by_mistake_can_be_closed_at_any_step(signed_in: Client, world: There) -> None:
    page = begin(signed_in, world)
    address = reverse("guide-finish", args=[SetupProgress.objects.get().pk])
    assert f'action="{address}"' in page
    assert "The guide is closed; your registrations stay." in signed_in.post(address, follow=True).content.decode()
    assert (SetupProgress.objects.count(), Tenant.objects.count()) == (0, 1)


def test_a_directory_that_is_registered_already_is_recognised(signed_in: Client, world: There, rows: Rows) -> None:
    rows.tenant("Our customer", ["it@x.example"], directory_id=world.directory.directory_id)
    page = signed_in.post(reverse("guide"), found(world, name="Other", contacts="x@x.example"), follow=True)
    assert "already registered as “Our customer”" in page.content.decode()
    tenant = Tenant.objects.get()
    assert (tenant.name, [one.email for one in tenant.contacts.all()]) == ("Our customer", ["it@x.example"])
