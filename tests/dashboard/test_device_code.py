"""Personal accounts on their pages: added, signed in by a code, declined, expired, signed in again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import requests
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.dashboard.mailboxes.forms import MailboxForm, PersonalForm
from alertadmin.dashboard.overview.action_items import find_action_items
from alertadmin.registry.models import AppRegistration, DeviceCodeFlow, Mailbox, SignInAudience
from sandbox import Sandbox
from tests.factories import Rows
from tests.helpers.access import everything

pytestmark = pytest.mark.django_db
HTMX = {"hx-request": "true"}
ADDRESS = "pages@outlook.example"


@pytest.fixture
def app(rows: Rows, sandbox: Sandbox) -> AppRegistration:
    """One that admits personal accounts, there and here; and an account."""
    site = rows.site(sandbox)
    there = sandbox.directory.add_app(site.tenant.directory_id, "At home", personal_accounts=True, public_client=True)
    sandbox.directory.add_account(ADDRESS)
    return rows.app(site.tenant, "At home", client_id=there.client_id, audience=SignInAudience.ALL)


@pytest.fixture
def added(signed_in: Client, app: AppRegistration) -> Mailbox:
    signed_in.post(reverse("mailbox-add-personal"), {"address": ADDRESS, "app": app.pk, "transport": "graph"})
    return Mailbox.objects.get(address=ADDRESS)


@pytest.fixture
def decide(sandbox: Sandbox) -> Callable[[str], None]:
    def decided(decision: str) -> None:
        sign_in = DeviceCodeFlow.objects.get()
        with requests.Session() as session:
            session.trust_env, session.verify = False, str(sandbox.ca_file)
            form = {"otc": sign_in.user_code, "account": ADDRESS, "decision": decision}
            session.post(sign_in.page, data=form, timeout=10)
        DeviceCodeFlow.objects.update(ask_from=timezone.now())

    return decided


def asked(client: Client, mailbox: Mailbox) -> str:
    """What the page shows after the button."""
    url = reverse("mailbox-sign-in-ask", args=[mailbox.pk])
    return client.post(url, follow=True).content.decode()


def test_the_page_shows_the_code_and_where_to_enter_it(signed_in: Client, added: Mailbox) -> None:
    page = signed_in.get(reverse("mailbox-sign-in", args=[added.pk])).content.decode()
    sign_in = DeviceCodeFlow.objects.get()
    assert sign_in.user_code in page
    assert f'href="{sign_in.page}"' in page
    assert f'hx-trigger="every {sign_in.interval}s, submit"' in page
    assert sign_in.device_code
    assert sign_in.device_code.decrypt() not in page
    assert added.tenant == added.app.tenant  # type: ignore[union-attr]


def test_it_sees_that_the_code_was_entered(signed_in: Client, added: Mailbox, decide: Callable[[str], None]) -> None:
    DeviceCodeFlow.objects.update(ask_from=timezone.now())
    assert "Enter this code at Microsoft" in asked(signed_in, added)
    decide("accept")
    page = asked(signed_in, added)
    assert "Is this the account?" in page
    assert ADDRESS in page
    page = signed_in.post(reverse("mailbox-sign-in-confirm", args=[added.pk]), follow=True).content.decode()
    assert "stored encrypted" in page
    added.refresh_from_db()
    assert added.refresh_token
    assert added.refresh_token.decrypt() not in page
    shown = signed_in.get(added.get_absolute_url()).content.decode()
    assert "Expires if not used" in shown
    assert "nothing can be sent" not in shown


def test_a_part_of_the_page_asks_for_itself(signed_in: Client, added: Mailbox, decide: Callable[[str], None]) -> None:
    decide("accept")
    part = signed_in.post(reverse("mailbox-sign-in-ask", args=[added.pk]), headers=HTMX).content.decode()
    assert "<html" not in part
    assert "hx-post" not in part
    assert "Is this the account?" in part


@pytest.mark.parametrize(("decision", "says"), [("cancel", "Declined."), ("expire", "The code has expired.")])
def test_it_says_why_nobody_signed_in_and_offers_another_code(
    signed_in: Client, added: Mailbox, decide: Callable[[str], None], decision: str, says: str
) -> None:
    if decision == "expire":
        DeviceCodeFlow.objects.update(expires_at=timezone.now())
    else:
        decide(decision)
    page = asked(signed_in, added)
    assert says in page
    assert "Get a new code" in page
    before = DeviceCodeFlow.objects.get().pk
    signed_in.post(reverse("mailbox-sign-in-begin", args=[added.pk]))
    assert DeviceCodeFlow.objects.get().pk != before


def test_an_app_that_microsoft_refuses_is_explained(signed_in: Client, rows: Rows, sandbox: Sandbox) -> None:
    site = rows.site(sandbox)
    AppRegistration.objects.update(audience=SignInAudience.ALL)
    data = {"address": ADDRESS, "app": site.app.pk, "transport": "graph"}
    page = signed_in.post(reverse("mailbox-add-personal"), data, follow=True).content.decode()
    assert "Personal Microsoft accounts cannot be used this way" in page


def test_without_a_sign_in_the_pages_say_so(signed_in: Client, added: Mailbox) -> None:
    assert "Not signed in yet: nothing can be sent." in signed_in.get(added.get_absolute_url()).content.decode()
    assert ADDRESS in [need.what for need in find_action_items(timezone.now(), everything())]
    now = timezone.now()
    ended = Mailbox.objects.filter(pk=added.pk)
    ended.update(refresh_token=None, signed_in_at=now - timedelta(days=9), sign_in_ends_at=now)
    assert "The sign-in has expired: nothing can be sent." in signed_in.get(added.get_absolute_url()).content.decode()
    ended.update(sign_in_ends_at=now + timedelta(days=80))
    assert ADDRESS not in [need.what for need in find_action_items(timezone.now(), everything())]


@pytest.mark.parametrize("field", ["transport", "app", "address"])
def test_another_way_takes_another_sign_in(added: Mailbox, rows: Rows, field: str) -> None:
    added.refresh_token = "M.C512_SBX.0.U.-kept"
    added.signed_in_at = added.sign_in_ends_at = timezone.now()
    added.save()
    other = rows.app(added.tenant, "Other", audience=SignInAudience.ALL)
    changed = {"transport": "smtp", "app": other.pk, "address": "other@outlook.example"}
    data = {"address": added.address, "app": added.app_id, "transport": added.transport}
    form = PersonalForm(data, instance=added, access=everything())
    assert form.is_valid(), form.errors
    assert form.save().refresh_token
    form = PersonalForm({**data, field: changed[field]}, instance=added, access=everything())
    assert form.is_valid(), form.errors
    assert form.save().refresh_token is None


def test_what_personal_accounts_cannot_is_said_in_words(rows: Rows) -> None:
    single = rows.app()
    form = PersonalForm({"address": "a@outlook.example", "app": single.pk, "transport": "graph"}, access=everything())
    assert "This app does not allow personal accounts." in str(form.errors)
    national = rows.app(rows.tenant(cloud="gcc-high"), audience=SignInAudience.ALL)
    form = PersonalForm({"address": "a@outlook.example", "app": national.pk, "transport": "graph"}, access=everything())
    assert "There are no personal accounts in the cloud" in str(form.errors)
    form = PersonalForm({"address": "a@outlook.example", "app": national.pk, "transport": "ews"}, access=everything())
    assert "transport" in form.errors


@pytest.mark.parametrize(
    ("address", "is_personal"),
    [
        ("a@outlook.com", True),
        ("a@Hotmail.co.uk", True),
        ("a@live.fr", True),
        ("a@msn.com", True),
        ("a@outlook.northpark.example", False),
        ("a@olive.com", False),
        ("a@lıve.com", False),
        ("a@mſn.example", False),
    ],
)
def test_an_address_of_microsofts_own_is_no_mailbox_of_a_tenant(rows: Rows, address: str, is_personal: bool) -> None:
    form = MailboxForm({"address": address, "app": rows.app().pk, "transport": "graph"}, access=everything())
    assert ("address" in form.errors) == is_personal


def test_an_app_for_personal_accounts_alone_has_no_mailbox_of_a_tenant(rows: Rows) -> None:
    app = rows.app(audience=SignInAudience.PERSONAL)
    form = MailboxForm({"address": "a@northpark.example", "app": app.pk, "transport": "graph"}, access=everything())
    assert "for personal accounts only" in str(form.errors)


def test_a_mailbox_of_a_tenant_has_nothing_to_sign_in(signed_in: Client, rows: Rows) -> None:
    app = rows.app()
    mailbox = Mailbox.objects.create(tenant=app.tenant, app=app, address="a@northpark.example")
    assert (
        signed_in.get(reverse("mailbox-sign-in", args=[mailbox.pk])).headers["Location"] == mailbox.get_absolute_url()
    )
    assert signed_in.post(reverse("mailbox-sign-in-begin", args=[mailbox.pk])).status_code == 404
