"""Each page answers, signed in and not, full and empty, with good ids and wrong ones."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from alertadmin.accounts.models import FirstAdministratorLink, User
from alertadmin.monitoring import worker_heartbeat
from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.models import AppRegistration, Consent, Credential, CredentialState, Mailbox, Tenant
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.conftest import NOW, PASSWORD
from tests.factories import Rows

LISTS = [
    "overview",
    "tenants",
    "apps",
    "credentials",
    "mailboxes",
    "consents",
    "deliveries",
    "diagnosis",
    "register",
    "profile",
    "import",
]
SECRET = "abc8Q~canary.canary-canary_canary~canary12"


@pytest.mark.parametrize("name", LISTS)
def test_an_empty_page_says_what_belongs_there(signed_in: Client, name: str) -> None:
    assert signed_in.get(reverse(name)).status_code == 200


@pytest.mark.parametrize("name", LISTS)
def test_nobody_gets_in_without_signing_in(client: Client, db: None, name: str) -> None:
    response = client.get(reverse(name))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("sign-in"))


def test_every_page_of_a_thing_shows_it(signed_in: Client, sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox, days=3, contacts=["duty@northpark.example"])
    scanner.run(NOW)
    delivery = Delivery.objects.get(recipient="duty@northpark.example")
    pages: list[Any] = [site.tenant, site.app, site.credential, site.mailbox]
    for thing in pages:
        assert str(thing) in signed_in.get(thing.get_absolute_url()).content.decode()
    for name, pk in [
        ("tenant-edit", site.tenant.pk), ("tenant-delete", site.tenant.pk), ("app-edit", site.app.pk),
        ("app-delete", site.app.pk), ("credential-edit", site.credential.pk), ("credential-delete", site.credential.pk),
        ("credential-replace", site.credential.pk), ("credential-add", site.app.pk), ("mailbox-edit", site.mailbox.pk),
        ("mailbox-delete", site.mailbox.pk), ("delivery", delivery.pk),
    ]:  # fmt: skip
        assert signed_in.get(reverse(name, args=[pk])).status_code == 200, name
    for name in LISTS:
        assert signed_in.get(reverse(name)).status_code == 200, name


@pytest.mark.parametrize("name", ["tenant", "app", "credential", "mailbox", "delivery", "test-send-progress"])
def test_a_wrong_id_is_a_plain_404(signed_in: Client, name: str) -> None:
    response = signed_in.get(reverse(name, args=[uuid4()]))
    assert response.status_code == 404
    assert "There is nothing at this address" in response.content.decode()


def registration(**changes: str) -> dict[str, str]:
    return {
        "tenant-name": "Northpark", "tenant-directory_id": f" {{{str(uuid4()).upper()}}} ", "tenant-cloud": "global",
        "tenant-time_zone": "Europe/Paris", "tenant-contacts": "duty@northpark.example",
        "app-name": "ALERT", "app-client_id": str(uuid4()), "app-audience": "AzureADMyOrg",
        "app-redirect_uri": "", "app-permissions": "Mail.Send",
        "secret-value": f"  {SECRET}\n", "secret-description": "alert", "secret-expires_at": "2027-06-01",
        "mailbox-address": "alarms@northpark.example", "mailbox-transport": "graph", "mailbox-sends_reminders": "on",
        **changes,
    }  # fmt: skip


def test_one_form_registers_everything(signed_in: Client) -> None:
    response = signed_in.post(reverse("register"), registration())
    app = AppRegistration.objects.get()
    assert response["Location"] == app.get_absolute_url()
    credential = app.credentials.get()
    assert credential.value is not None
    assert credential.value.decrypt() == SECRET
    assert credential.expires_at.isoformat() == "2027-05-31T22:00:00+00:00"
    assert Mailbox.objects.get().sends_reminders


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"secret-value": str(uuid4())}, "ID, not its value"),
        ({"tenant-directory_id": "common"}, "enter the Directory (tenant) ID from the app registration"),
        ({"secret-expires_at": "2031-01-01"}, "more than 24 months ahead"),
        ({"secret-expires_at": "31/12"}, "is not a date"),
        ({"tenant-contacts": "unknown"}, "is not an e-mail address"),
        ({"tenant-time_zone": "Mars/Olympus"}, "time zone"),
        ({"app-client_id": "x"}, "This is not an ID:"),
    ],
)
def test_a_mistake_is_explained_and_nothing_is_stored(signed_in: Client, changes: dict[str, str], words: str) -> None:
    page = signed_in.post(reverse("register"), registration(**changes)).content.decode()
    assert words in page
    assert "canary" not in page
    assert "Northpark" in page
    assert not Tenant.objects.exists()


@pytest.mark.parametrize(("end", "words"), [("2020-01-01", "has passed"), ("2072-01-01", "24 months")])
def test_an_improbable_end_is_accepted_after_a_yes(signed_in: Client, end: str, words: str) -> None:
    typed = registration(**{"secret-expires_at": end})
    assert words in signed_in.post(reverse("register"), typed).content.decode()
    assert not Credential.objects.exists()
    signed_in.post(reverse("register"), {**typed, "secret-far_end_is_right": "on"})
    assert Credential.objects.count() == 1


def test_consent_is_checked_by_a_button(signed_in: Client, sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox, granted=[])
    page = signed_in.post(reverse("consent-check", args=[site.app.pk]), follow=True).content.decode()
    assert "Not in token" in page
    assert Consent.objects.count() == 3


def test_a_secret_is_replaced_only_once_a_token_proves_it(signed_in: Client, sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox)
    url = reverse("credential-replace", args=[site.credential.pk])
    page = signed_in.post(url, {"value": SECRET, "expires_at": "2027-11-01"}).content.decode()
    assert "got no token" in page
    site.credential.refresh_from_db()
    assert site.credential.state == CredentialState.CURRENT


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("transport", ["graph", "ews", "smtp"])
def test_a_test_send_crosses_tls_and_shows_its_steps(
    signed_in: Client, sandbox: Sandbox, rows: Rows, transport: str
) -> None:
    site = rows.site(sandbox)
    form = {"recipient": "me@northpark.example", "transport": transport}
    url = signed_in.post(reverse("test-send", args=[site.mailbox.pk]), form)["Location"]
    assert "every 1s" in signed_in.get(url).content.decode()
    worker.deliver_due()
    page = signed_in.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "Message accepted" in page
    assert "every 1s" not in page
    delivery = Delivery.objects.get()
    assert delivery.state == "sent", delivery.reason
    assert len(sandbox.ledger.messages(message_id=delivery.message_id)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_failed_test_is_explained(signed_in: Client, sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox)
    site.credential.store(SECRET)
    site.credential.save()
    delivery = test_send.create(site.mailbox, "me@northpark.example", now=NOW)
    worker.deliver_due()
    page = signed_in.get(reverse("test-send-progress", args=[delivery.pk])).content.decode()
    assert "AADSTS7000215" in page
    assert "Diagnosis" in page
    assert "canary" not in page


def test_lists_page_by_key_search_and_sort(
    signed_in: Client, rows: Rows, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    app = rows.app()
    worker_heartbeat.beat()
    Credential.objects.bulk_create(
        [Credential(app=app, state="retired", description=f"key {n:03}", expires_at=rows.now) for n in range(120)]
    )
    signed_in.get(reverse("credentials"))  # what is asked once a minute
    seen: list[str] = []
    query = "sort=-expires_at"
    while query:
        with django_assert_max_num_queries(10):
            page = signed_in.get(f"{reverse('credentials')}?{query}").context["page"]
        seen += [str(row) for row in page.rows]
        query = page.next_query
    assert len(seen) == len(set(seen)) == 120
    assert len(signed_in.get(f"{reverse('credentials')}?q=key+007").context["page"].rows) == 1
    assert signed_in.get(f"{reverse('credentials')}?after=rubbish&sort=value&state=x").status_code == 200


def test_an_error_text_is_explained_and_not_kept_in_the_address(signed_in: Client) -> None:
    page = signed_in.post(reverse("diagnosis"), {"text": "AADSTS7000222: keys are expired"}).content.decode()
    assert "The client secret has expired" in page


@pytest.mark.usefixtures("no_factor_asked")
def test_the_first_administrators_link_works_once(client: Client, db: None) -> None:
    url = reverse("first-administrator", args=[FirstAdministratorLink.make(NOW)])
    form = {"email": "ada@northpark.example", "name": "Ada", "time_zone": "UTC", "password": PASSWORD}
    assert client.post(url, {**form, "password": "short"}).status_code == 200
    assert client.post(url, form)["Location"] == reverse("overview")
    assert Client().get(url).status_code == 404


@pytest.mark.usefixtures("no_factor_asked")
def test_a_password_signs_in_and_next_leads_nowhere_foreign(client: Client, administrator: User) -> None:
    form = {"username": administrator.email, "password": PASSWORD}
    assert client.post(reverse("sign-in") + "?next=//evil.example", form)["Location"] == reverse("overview")


def test_readyz_tells_of_a_missing_scan_and_healthz_of_nothing(client: Client, db: None) -> None:
    assert client.get("/healthz").json() == {"ok": True}
    response = client.get("/readyz")
    assert response.status_code == 503
    assert {name for name, well in response.json().items() if well is False} == {"ok", "worker", "scan"}


@pytest.mark.parametrize("name", ["overview", "tenants", "deliveries", "watching", "diagnosis", "members", "audit"])
def test_the_menu_marks_the_current_list(signed_in: Client, name: str) -> None:
    url = reverse(name)
    marked = re.findall(r'<a [^>]*aria-current="page"[^>]*>', signed_in.get(url).content.decode())
    assert [f'href="{url}"' in one for one in marked] == [True]


@pytest.mark.parametrize("name", ["profile", "security"])
def test_the_menu_marks_the_user_s_own_pages(signed_in: Client, name: str) -> None:
    assert 'class="who active"' in signed_in.get(reverse(name)).content.decode()
