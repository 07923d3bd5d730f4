"""The page that explains a pasted error knows the registrations it is of, and offers those it does not know."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import cache
from html import unescape
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alertadmin.monitoring import worker_heartbeat
from alertadmin.registry.credentials import certificates
from alertadmin.registry.models import CredentialKind, Mailbox
from tests.factories import Rows

Queries = Callable[[int], AbstractContextManager[object]]


def explained(client: Client, text: str) -> str:
    page = client.post(reverse("diagnosis"), {"text": text})
    assert page.status_code == 200
    return unescape(page.content.decode())


def expired(client_id: str) -> str:
    return f"AADSTS7000222: The provided client secret keys for app '{client_id}' are expired."


def card(page: str) -> str:
    """What is said of registrations known here."""
    return page.partition('aria-labelledby="concerned"')[2].partition("<form")[0]


def test_a_client_id_leads_to_its_app_and_to_the_portal_of_its_cloud(rows: Rows, signed_in: Client) -> None:
    app = rows.app(rows.tenant("Northpark Energy", cloud="china"))

    page = explained(signed_in, expired(app.client_id.upper()))

    assert f'href="{app.get_absolute_url()}"' in card(page)
    assert f'href="{app.tenant.get_absolute_url()}"' in card(page)
    assert "Not registered here" not in page
    portal = re.findall(r'href="(https://entra[^"]+Credentials/appId[^"]+)"', page)
    assert portal
    assert {address.rpartition("/")[2] for address in portal} == {app.client_id}
    assert all(address.startswith("https://entra.microsoftonline.cn/") for address in portal)


@pytest.mark.parametrize("named", ["directory", "domain", "key", "mailbox"])
def test_whatever_is_known_of_a_registration_leads_to_it(named: str, rows: Rows, signed_in: Client) -> None:
    tenant = rows.tenant(domain="plant.example")
    credential = rows.credential(rows.app(tenant), key_id=str(uuid4()))
    mailbox = Mailbox.objects.create(tenant=tenant, app=credential.app, address="Alarms@mail.example")
    text, target = {
        "directory": (f"AADSTS90002: Tenant '{tenant.directory_id}' not found.", tenant.get_absolute_url()),
        "domain": ("AADSTS90002: Tenant 'plant.example' not found.", tenant.get_absolute_url()),
        "key": (f"secret ID {credential.key_id} has expired", credential.get_absolute_url()),
        "mailbox": ("ErrorSendAsDenied for alarms@MAIL.example", mailbox.get_absolute_url()),
    }[named]

    said = card(explained(signed_in, text))

    assert f'href="{target}"' in said
    if named in ("key", "mailbox"):
        assert f'href="{credential.app.get_absolute_url()}"' in said


def thumbprint_texts() -> dict[str, Callable[[bytes, bytes], str]]:
    """Errors and headers as they name a certificate: of its SHA-1 and SHA-256."""
    return {
        "Entra": lambda sha1, _: f"AADSTS700027: ... Thumbprint of key used by client: '{sha1.hex().upper()}', Please",
        "PowerShell": lambda sha1, _: f"Connect-ExchangeOnline -CertificateThumbprint {sha1.hex()} -Organization",
        "certmgr": lambda sha1, _: f"code {sha1.hex(' ')}",
        "openssl": lambda _, sha256: f"sha256 Fingerprint={sha256.hex(':').upper()}",
        "wrapped": lambda sha1, _: f"used by client: '{sha1.hex()[:17]}\n{sha1.hex()[17:]}'",
        "x5t": lambda sha1, _: f'{{"alg":"RS256","x5t":"{b64(sha1).rstrip("=")}"}}',
        "x5t#S256": lambda _, sha256: f'{{"alg":"PS256","x5t#S256":"{b64(sha256).rstrip("=")}"}}',
        "plain base64": lambda sha1, _: f"x5t {b64encode(sha1).decode()}",
    }


@cache
def certificate(name: str) -> str:
    return certificates.generate(name, now=datetime(2026, 11, 1, tzinfo=UTC), lasts=timedelta(days=365)).certificate


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode()


@pytest.mark.parametrize("way", thumbprint_texts())
def test_a_thumbprint_leads_to_the_certificate_that_has_it(way: str, rows: Rows, signed_in: Client) -> None:
    kept, other = (
        rows.credential(kind=CredentialKind.CERTIFICATE, certificate=certificate(name)) for name in ("ALERT", "Other")
    )
    sha1, sha256 = (bytes.fromhex(one) for one in certificates.thumbprints(kept.certificate))

    said = card(explained(signed_in, thumbprint_texts()[way](sha1, sha256)))

    assert f'href="{kept.get_absolute_url()}"' in said
    assert f'href="{other.get_absolute_url()}"' not in said


def test_a_thousand_thumbprints_are_looked_up_by_one_question_more(
    rows: Rows, signed_in: Client, django_assert_max_num_queries: Queries
) -> None:
    rows.credential()
    explained(signed_in, "nothing")
    with CaptureQueriesContext(connection) as before:
        explained(signed_in, "nothing")
    with django_assert_max_num_queries(len(before) + 1):
        explained(signed_in, "\n".join(f"{number:040x}" for number in range(1000)))


def test_the_mailbox_that_the_text_names_stands_in_the_steps(rows: Rows, signed_in: Client) -> None:
    app = rows.app()
    Mailbox.objects.create(tenant=app.tenant, app=app, address="alarms@plant.example")
    page = explained(signed_in, "ErrorNonExistentMailbox: alarms@plant.example")
    steps = re.search(r'<section class="diagnosis".*?</section>', page, re.DOTALL)
    assert steps
    assert "alarms@plant.example" in steps[0]


def test_several_registrations_each_have_their_own_links(rows: Rows, signed_in: Client) -> None:
    here, there = rows.app(name="ALERT"), rows.app(rows.tenant(cloud="gcc-high"), name="Historian")

    said = card(explained(signed_in, expired(here.client_id) + "\n" + expired(there.client_id)))

    blade = "Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~/Credentials/appId"
    assert f"https://entra.microsoft.com/#view/{blade}/{here.client_id}" in said
    assert re.search(rf"https://entra\.microsoft\.us/[^\"]+/{there.client_id}", said)


def test_one_app_of_two_tenants_is_told_apart_by_the_directory(rows: Rows, signed_in: Client) -> None:
    client_id = str(uuid4())
    rows.app(rows.tenant("North"), client_id=client_id)
    south = rows.app(rows.tenant("South", cloud="gcc-high"), client_id=client_id)
    text = (
        f"AADSTS65001: not consented to the application with ID '{client_id}' in tenant '{south.tenant.directory_id}'"
    )

    page = explained(signed_in, text)

    ask = f"https://login.microsoftonline.us/{south.tenant.directory_id}/adminconsent?client_id={client_id}"
    assert ask in page.split('aria-labelledby="concerned"')[0]


def test_what_is_not_registered_is_offered_with_its_ids_filled_in(rows: Rows, signed_in: Client) -> None:
    client_id, directory_id = str(uuid4()), str(uuid4())
    text = f"AADSTS700016: Application with identifier '{client_id}' was not found in the directory id '{directory_id}'"

    page = explained(signed_in, text)

    assert "Not registered here" in page
    offered = re.search(r'href="(/register/\?[^"]+)"', page)
    assert offered
    form = signed_in.get(offered[1]).content.decode()
    assert f'value="{client_id}"' in form
    assert f'value="{directory_id}"' in form


def test_each_of_several_unknown_apps_is_offered(rows: Rows, signed_in: Client) -> None:
    known, first, second = rows.app(), str(uuid4()), str(uuid4())
    page = explained(signed_in, "\n".join(map(expired, (first, known.client_id, second))))
    offered = re.findall(r'href="/register/\?client_id=([^"&]+)"', page)
    assert offered == [first, second]


def test_an_unknown_app_of_a_known_tenant_is_offered_in_that_tenant(rows: Rows, signed_in: Client) -> None:
    tenant = rows.tenant()
    text = expired(str(uuid4())) + f" Tenant '{tenant.directory_id}'"
    assert f"/register/?tenant={tenant.pk}&client_id=" in explained(signed_in, text)


def test_a_made_up_id_in_the_address_fills_in_nothing(signed_in: Client) -> None:
    form = signed_in.get(reverse("register") + "?client_id=%22%3E%3Cscript%3E&directory_id=7").content.decode()
    assert "<script>" not in form.partition("<main")[2].partition("</main")[0]


def test_ids_that_nobody_registers_are_not_offered(signed_in: Client, db: None) -> None:
    text = (
        "AADSTS50020 in tenant '9188040d-6c67-4c5b-b112-36a304b66dad'; Trace ID: 99999999-8888-7777-6666-000000000000"
    )
    assert "Not registered here" not in explained(signed_in, text)


@pytest.mark.postgresql
def test_a_thousand_ids_are_looked_up_by_as_many_questions_as_one(
    rows: Rows, signed_in: Client, django_assert_max_num_queries: Queries
) -> None:
    apps = [rows.app(rows.tenant(f"Tenant {number}")) for number in range(12)]
    strangers = "\n".join(str(uuid4()) for _ in range(1000))
    text = expired(apps[0].client_id) + "\n" + "\n".join(app.client_id for app in apps) + "\n" + strangers

    worker_heartbeat.beat()  # else the page looks at the health of all itself
    signed_in.get(reverse("diagnosis"))  # what is asked once a minute
    with django_assert_max_num_queries(14):
        page = explained(signed_in, text)

    assert card(page).count("<h3>") == 10
    assert "2 more are mentioned." in page


def test_several_errors_are_all_named(signed_in: Client, db: None) -> None:
    text = "AADSTS7000222: expired\n" + "all is quiet here\n" * 30 + "550 5.1.10 RESOLVER.ADR.RecipientNotFound"
    page = explained(signed_in, text)
    assert "The client secret has expired" in page
    assert "Also in this text" in page


@pytest.mark.parametrize("text", ["\x00\x01\x02" * 5000, "x" * 200_000, "\ufffd" * 1000, "<script>alert(1)</script>"])
def test_junk_is_called_unknown_with_what_to_try(text: str, signed_in: Client, db: None) -> None:
    page = signed_in.post(reverse("diagnosis"), {"text": text})
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()
    assert "\x00" in text or "Unknown error" in page.content.decode()


def test_a_text_that_is_too_long_is_refused_in_words(signed_in: Client, db: None) -> None:
    assert "200000" in explained(signed_in, "x" * 200_001).replace("\u202f", "").replace(",", "")


def test_a_log_with_nul_characters_is_read_all_the_same(signed_in: Client) -> None:
    page = explained(signed_in, "\0".join("AADSTS7000222: expired"))
    assert "The client secret has expired" in page


def test_what_is_not_known_stands_in_a_command_as_something_to_fill_in(signed_in: Client) -> None:
    page = explained(signed_in, "535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox")
    assert "Set-CASMailbox <address of the sending mailbox> -SmtpClientAuthenticationDisabled" in page
