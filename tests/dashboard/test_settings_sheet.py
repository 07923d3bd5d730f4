"""The settings sheet, and the secret on it: once, on purpose, on the record."""

from __future__ import annotations

import ast
import re
import subprocess
import time
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.dashboard.settings_sheet.programs import PROGRAMS
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, SecretDisclosure
from alertadmin.registry.scripts.snippets import GRAPH_ENVIRONMENTS
from mailer.clouds import BUILTIN
from tests.conftest import PASSWORD
from tests.factories import Rows
from tests.helpers.login import signed_in_at

VALUE = "CANARY~sheet-0123456789"


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    app = rows.app(rows.tenant(domain="northpark.example"))
    rows.credential(app, value=VALUE)
    Mailbox.objects.create(tenant=app.tenant, app=app, address="alarms@northpark.example", transport="graph")
    return app


@pytest.fixture
def ada(signed_in: Client) -> Client:
    return signed_in


def sheet(client: Client, app: AppRegistration, program: str = "alert") -> str:
    return unescape(client.get(reverse("app-sheet", args=[app.pk]), {"for": program}).content.decode())


def show(client: Client, app: AppRegistration, reason: str = "entered into ALERT") -> str:
    answer = client.post(reverse("app-sheet", args=[app.pk]), {"reason": reason})
    assert "no-store" in answer.headers["Cache-Control"]
    return unescape(answer.content.decode())


def test_it_says_all_that_alert_asks_for(app: AppRegistration, ada: Client) -> None:
    page = sheet(ada, app)
    directory = app.tenant.directory_id
    for words in (
        "Office 365",
        "alarms@northpark.example",
        directory,
        app.client_id,
        f"https://login.microsoftonline.com/{directory}/oauth2/v2.0/authorize",
        f"https://login.microsoftonline.com/{directory}/oauth2/v2.0/token",
        "ALERT 4.0 revision 2 build 365 or newer.",
    ):
        assert words in page
    assert VALUE not in page


def test_a_multitenant_app_has_common_and_is_told_why_not(app: AppRegistration, ada: Client) -> None:
    app.audience = "AzureADMultipleOrgs"
    app.save()
    page = sheet(ada, app)
    assert "https://login.microsoftonline.com/common/oauth2/v2.0/token" in page
    assert "AADSTS50194" in page
    assert f"https://login.microsoftonline.com/{app.tenant.directory_id}/oauth2/v2.0/token" in page


@pytest.mark.parametrize("program", [one.slug for one in PROGRAMS])
def test_every_program_has_a_sheet_without_the_secret(app: AppRegistration, ada: Client, program: str) -> None:
    page = sheet(ada, app, program)
    assert app.client_id in page
    assert VALUE not in page


def sample(page: str) -> str:
    match = re.search(r'<pre class="script" tabindex="0">(.*?)</pre>', page, re.DOTALL)
    assert match
    return match[1]


def test_samples_are_good_python_and_shell(app: AppRegistration, ada: Client) -> None:
    Mailbox.objects.update(address="o'neil+a@northpark.example")
    ast.parse(sample(sheet(ada, app, "python")))
    [command] = re.findall(r'passwordeval "(.*)"', sample(sheet(ada, app, "msmtp")))
    subprocess.run(["bash", "-n", "-c", command], check=True)
    assert "'o''neil+a@northpark.example'" in sample(sheet(ada, app, "powershell"))


def test_powershell_is_told_the_national_cloud() -> None:
    assert {slug: GRAPH_ENVIRONMENTS.get(slug) for slug in BUILTIN} == {
        "global": None,
        "gcc-high": "USGov",
        "dod": "USGovDoD",
        "china": "China",
    }


def test_the_secret_is_shown_once_with_name_and_reason_on_record(app: AppRegistration, ada: Client) -> None:
    page = show(ada, app)
    assert page.count(VALUE) >= 1
    record = SecretDisclosure.objects.get()
    assert (record.credential, record.reason) == (app.current_credential, "entered into ALERT")
    again = show(ada, app)
    assert VALUE not in again
    assert "This secret was already shown." in again
    assert "entered into ALERT" in sheet(ada, app)
    assert SecretDisclosure.objects.count() == 1


@pytest.mark.parametrize("reason", ["", "   "])
def test_without_a_reason_it_is_not_shown(app: AppRegistration, ada: Client, reason: str) -> None:
    assert VALUE not in show(ada, app, reason)
    assert not SecretDisclosure.objects.exists()


@pytest.mark.control(26)
def test_to_an_old_session_it_is_not_shown_before_it_is_asked_who_it_is(
    app: AppRegistration, client: Client, administrator: User
) -> None:
    signed_in_at(client, administrator, time.time() - 601)
    asked = show(client, app)
    assert VALUE not in asked
    assert "Confirm your identity" in asked
    assert not SecretDisclosure.objects.exists()
    answer = {"reason": "entered into ALERT", "confirm-password": PASSWORD}
    assert VALUE in client.post(reverse("app-sheet", args=[app.pk]), answer).content.decode()
    assert SecretDisclosure.objects.get().reason == "entered into ALERT"


def test_what_is_not_stored_or_no_secret_is_not_shown(app: AppRegistration, ada: Client) -> None:
    Credential.objects.update(value=None)
    assert "No secret value is stored here" in show(ada, app)
    Credential.objects.all().delete()
    assert "No secret is in use." in show(ada, app)
    assert not SecretDisclosure.objects.exists()


def test_a_secret_that_cannot_be_opened_counts_as_not_shown(app: AppRegistration, ada: Client) -> None:
    other = Credential.objects.get()
    token = other.value.token if other.value else ""
    flipped = token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_credential SET value = %s", [flipped])
    assert "was altered" in show(ada, app)
    assert not SecretDisclosure.objects.exists()


def test_without_a_mailbox_it_says_what_comes_first(rows: Rows, ada: Client) -> None:
    assert "Add a mailbox that sends first." in sheet(ada, rows.app())
