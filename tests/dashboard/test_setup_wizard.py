"""The guide: each step makes its row as soon as it is right; what is wrong is said, and nothing typed is lost."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import uuid4

import idna
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.dashboard.consents.request_views import callback_url
from alertadmin.outbox import worker
from alertadmin.registry.credentials import certificates
from alertadmin.registry.models import AppRegistration, Consent, Credential, Mailbox, SetupProgress, Tenant
from alertadmin.registry.models.app_registration import NATIVE_CLIENT
from mailer.clouds import BUILTIN
from sandbox import Sandbox
from sandbox.state.models import SandboxApp
from sandbox.state.models import SandboxTenant as Directory
from tests.factories import Rows, cloud_slug
from tests.helpers.login import signed_in_at

END = "2028-06-30"


@dataclass
class There:
    """A directory, an app in it that wants Mail.Send and has no consent, a mailbox: known to Microsoft alone."""

    sandbox: Sandbox
    directory: Directory
    app: SandboxApp
    address: str

    def secret(self) -> str:
        made = self.sandbox.directory.add_secret(self.app, expires_at=datetime(2036, 1, 1, tzinfo=UTC))
        return str(made.value)


def there(sandbox: Sandbox, *, multi_tenant: bool = False) -> There:
    domain = f"{uuid4().hex[:8]}.example"
    directory = sandbox.directory.add_tenant("Northpark Energy", domain)
    app = sandbox.directory.add_app(directory, "ALERT mail", multi_tenant=multi_tenant, wanted=["Mail.Send"])
    sandbox.directory.add_mailbox(directory, f"alarms@{domain}")
    return There(sandbox, directory, app, f"alarms@{domain}")


@pytest.fixture
def world(sandbox: Sandbox) -> There:
    return there(sandbox)


def found(world: There, text: str = "", **more: str) -> dict[str, str]:
    wanted = text or world.directory.domain
    return {"directory": wanted, "cloud": cloud_slug(world.sandbox), "time_zone": "Europe/Paris", **more}


def application(world: There, **changes: str) -> dict[str, str]:
    form = {"name": "ALERT", "audience": "AzureADMyOrg", "redirect_uri": NATIVE_CLIENT}
    return {**form, "client_id": world.app.client_id, **changes}


def post(client: Client, name: str, data: Mapping[str, object], query: str = "") -> str:
    """The page that it leads to."""
    guide = SetupProgress.objects.get()
    return client.post(reverse(f"guide-{name}", args=[guide.pk]) + query, data, follow=True).content.decode()


def see(client: Client, name: str, query: str = "") -> str:
    url = reverse(f"guide-{name}", args=[SetupProgress.objects.get().pk])
    return unescape(client.get(url + query, follow=True).content.decode())


def heading(page: str) -> str:
    match = re.search(r"<h1>(.*?)</h1>", page, re.DOTALL)
    return match[1] if match else ""


def begin(client: Client, world: There) -> str:
    return client.post(reverse("guide"), found(world), follow=True).content.decode()


def up_to(client: Client, world: There, last: str) -> str:
    """Every step until the one named, that one done too; the page it leads to."""
    page = begin(client, world)
    forms: dict[str, Mapping[str, object]] = {
        "application": application(world),
        "permissions": {"permissions": ["Mail.Send"], "scope": "whole"},
        "credential": {"value": world.secret(), "expires_at": END},
        "mailbox": {"address": world.address, "transport": "graph"},
    }
    for name, form in forms.items():
        page = post(client, name, form)
        if name == last:
            break
    return page


def test_from_a_domain_to_a_mail_that_was_sent(signed_in: Client, world: There) -> None:
    assert heading(begin(signed_in, world)) == "2. Application"
    assert Tenant.objects.get().directory_id == world.directory.directory_id
    assert heading(post(signed_in, "application", application(world))) == "3. Permissions"
    assert AppRegistration.objects.get().permissions == []
    page = post(signed_in, "permissions", {"permissions": ["Mail.Send"], "scope": "whole"})
    assert "Consent can be granted now but not checked yet:" in page
    world.sandbox.directory.grant(world.app, "Mail.Send")
    value = world.secret()
    page = post(signed_in, "credential", {"value": value, "expires_at": END})
    assert heading(page) == "6. Sending mailbox"
    assert "All required permissions are granted." in page
    assert value not in page
    assert Credential.objects.get().proven_at is not None
    assert heading(post(signed_in, "mailbox", {"address": world.address, "transport": "graph"})) == "7. Test send"
    post(signed_in, "test", {"recipient": "ada@x.example", "transport": "graph"})
    worker.deliver_due()
    assert "The message was accepted" in see(signed_in, "test")
    assert heading(see(signed_in, "on")) == "8. Settings sheet"
    assert "The guide is closed" in post(signed_in, "finish", {})
    assert not SetupProgress.objects.exists()
    assert Mailbox.objects.get().address == world.address


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


def test_without_a_client_id_yet_what_was_chosen_is_kept_and_shown_to_be_copied(
    signed_in: Client, world: There
) -> None:
    begin(signed_in, world)
    page = post(
        signed_in, "application", application(world, client_id="", name="Pump alarms", redirect_uri=callback_url())
    )
    assert "Your choices are kept." in page
    for shown in (page, see(signed_in, "application")):
        assert 'data-copy="Pump alarms"' in shown
        assert f'data-copy="{callback_url()}"' in shown
    assert not AppRegistration.objects.exists()
    assert 'value="Pump alarms"' in see(signed_in, "application")


def test_an_app_for_personal_accounts_alone_cannot_send_by_itself(signed_in: Client, world: There) -> None:
    begin(signed_in, world)
    page = post(signed_in, "application", application(world, audience="PersonalMicrosoftAccount"))
    assert "Such an app cannot send on its own:" in page
    assert f'value="{world.app.client_id}"' in page
    assert reverse("mailbox-add-personal") in page
    assert not AppRegistration.objects.exists()


def test_its_app_is_kept_and_the_account_s_owner_signs_in(signed_in: Client, world: There) -> None:
    begin(signed_in, world)
    personal = application(world, audience="PersonalMicrosoftAccount", person="1")
    assert "Paste it here when the portal has created the application." in post(
        signed_in, "application", {**personal, "client_id": ""}
    )
    page = post(signed_in, "application", personal)
    app = AppRegistration.objects.get()
    assert heading(page) == "Add a personal account"
    assert re.search(rf'<option value="{app.pk}" selected', page)
    assert (app.audience, app.permissions, SetupProgress.objects.exists()) == ("PersonalMicrosoftAccount", [], False)


def test_an_app_that_is_registered_already_is_gone_on_with(signed_in: Client, world: There, rows: Rows) -> None:
    tenant = rows.tenant(directory_id=world.directory.directory_id, cloud=cloud_slug(world.sandbox))
    app = rows.app(tenant, "ours", client_id=world.app.client_id, permissions=["full_access_as_app"])
    begin(signed_in, world)
    assert "“ours” is already registered" in post(signed_in, "application", application(world))
    assert SetupProgress.objects.get().app == app
    app.refresh_from_db()
    assert app.permissions == ["full_access_as_app"]


def test_without_a_way_to_send_the_permissions_are_asked_for_again(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "application")
    assert "Choose at least one transport." in post(signed_in, "permissions", {"scope": "whole"})


def test_a_wrong_secret_is_explained_and_a_right_one_takes_its_place(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "permissions")
    wrong = "wrong~wrong.wrong-wrong_wrong~wrong12345"
    page = post(signed_in, "credential", {"value": wrong, "expires_at": END})
    assert "The client secret is wrong" in page
    assert wrong not in page
    assert "not verified yet" in page
    page = post(signed_in, "credential", {"value": world.secret(), "expires_at": END})
    assert "Verified and in use." in page
    assert [one.state for one in Credential.objects.order_by("created_at")] == ["retired", "current"]


def test_a_secret_is_not_lost_when_the_network_fails(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "permissions")
    world.sandbox.faults.add(service="token", status=503)
    assert "is stored, but has no token yet" in post(
        signed_in, "credential", {"value": world.secret(), "expires_at": END}
    )
    world.sandbox.faults.clear()
    assert "Verified and in use." in post(signed_in, "prove", {})


def test_a_certificate_made_here_is_proven_once_the_portal_has_it(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "permissions")
    page = post(signed_in, "credential", {"months": "12"}, "?by=make")
    assert "Download the certificate" in page
    assert "The certificate does not match the application" in post(signed_in, "prove", {})
    world.sandbox.directory.add_certificate(world.app, Credential.objects.get().certificate)
    assert "Verified and in use." in post(signed_in, "prove", {})


def test_a_certificate_that_was_made_elsewhere_is_uploaded_with_its_key(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "permissions")
    pair = certificates.generate("ALERT", now=timezone.now(), lasts=timedelta(days=30))
    there = world.sandbox.directory.add_certificate(world.app, pair.certificate)
    assert "The certificate must be in the portal too:" in see(signed_in, "credential", "?by=upload")
    for content, said in (
        (pair.certificate, "It does not contain the private key."),
        (pair.private_key + pair.certificate, "Verified and in use."),
    ):
        file = SimpleUploadedFile("alert.pem", content.encode())
        page = post(signed_in, "credential", {"file": file, "passphrase": ""}, "?by=upload")
        assert said in page
        assert pair.private_key.splitlines()[1] not in page
    assert Credential.objects.get().kind == "certificate"
    assert there.client_id == world.app.client_id


def test_instead_of_a_certificate_that_waits_another_may_be_given(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "permissions")
    page = post(signed_in, "credential", {"months": "12"}, "?by=make")
    assert "Secret value" not in page
    assert 'href="?by=upload">Use another secret or certificate' in page
    assert "Secret value" in see(signed_in, "credential", "?by=secret")
    assert "Verified and in use." in post(
        signed_in, "credential", {"value": world.secret(), "expires_at": END}, "?by=secret"
    )


def test_who_takes_the_scoped_way_is_asked_for_no_consent_and_given_the_script(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "application")
    page = post(signed_in, "permissions", {"permissions": ["Mail.Send", "SMTP.SendAsApp"], "scope": "scoped"})
    assert "Nothing needs to be granted in Entra:" in page
    post(signed_in, "credential", {"value": world.secret(), "expires_at": END})
    page = post(signed_in, "mailbox", {"address": world.address, "transport": "graph"})
    assert "New-ManagementRoleAssignment" in page
    assert "Application SMTP.SendAsApp" in page
    assert heading(see(signed_in, "on")) == "7. Test send"


def test_a_mailbox_of_another_directory_is_refused_for_a_single_tenant_app(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "credential")
    other = there(world.sandbox)
    page = post(signed_in, "mailbox", {"address": other.address, "transport": "graph"})
    assert "belongs to another directory" in page
    assert f'value="{other.address}"' in page
    assert not Mailbox.objects.exists()


def test_after_a_test_that_failed_another_one_comes_before_the_next_step(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "mailbox")
    post(signed_in, "test", {"recipient": "ada@x.example", "transport": "graph"})
    worker.deliver_due()
    page = see(signed_in, "test")
    assert '<button class="btn btn-primary">Send test' in page
    assert re.search(r'<a class="btn btn-quiet" href="[^"]+/settings/">Next', page)


def test_a_personal_account_is_no_mailbox_of_an_app(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "credential")
    page = post(signed_in, "mailbox", {"address": "alarms@outlook.com", "transport": "graph"})
    assert "Add it as a personal account instead." in page
    assert not Mailbox.objects.exists()


@pytest.mark.parametrize(
    ("client_id", "said"),
    [
        ("{directory}", "This is the Directory (tenant) ID."),
        (
            "https://entra.microsoft.com/#view/~/Overview/appId/{client}",
            "This is a web address. Copy only the ID: it looks like",
        ),
        ("ALERT mail", "This is not an ID:"),
        ("a\x00b", "Null characters are not allowed"),
    ],
)
def test_what_is_not_the_client_id_is_told_from_it(signed_in: Client, world: There, client_id: str, said: str) -> None:
    begin(signed_in, world)
    typed = client_id.format(directory=world.directory.directory_id, client=world.app.client_id)
    assert said in post(signed_in, "application", application(world, client_id=typed))
    assert not AppRegistration.objects.exists()


def test_a_mailbox_that_nobody_can_place_is_kept_with_a_warning(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "credential")
    page = post(signed_in, "mailbox", {"address": "alarms@unknown.example", "transport": "graph"})
    assert "Microsoft could not say which directory the domain of" in page
    assert Mailbox.objects.get().tenant == Tenant.objects.get()


def test_a_multitenant_app_asks_the_directory_of_its_mailbox_for_consent(signed_in: Client, sandbox: Sandbox) -> None:
    world, other = there(sandbox, multi_tenant=True), there(sandbox)
    begin(signed_in, world)
    post(signed_in, "application", application(world, audience="AzureADMultipleOrgs"))
    assert "Whose consent?" in post(signed_in, "permissions", {"permissions": ["Mail.Send"], "scope": "whole"})
    page = post(signed_in, "consent", {"address": other.address, "transport": "graph"})
    assert f"{other.directory.directory_id}/v2.0/adminconsent" in page
    assert Tenant.objects.get(directory_id=other.directory.directory_id).name == other.directory.domain
    page = post(signed_in, "credential", {"value": world.secret(), "expires_at": END})
    assert "Not granted yet: Mail.Send." in page
    sandbox.directory.install(world.app, other.directory)
    sandbox.directory.grant(world.app, "Mail.Send", other.directory)
    assert "All required permissions are granted." in post(signed_in, "check", {})
    granted = Consent.objects.get(tenant__directory_id=other.directory.directory_id)
    assert granted.status == "granted"


def test_a_step_that_is_not_reached_yet_leads_to_the_one_that_is(signed_in: Client, world: There) -> None:
    begin(signed_in, world)
    for name in ("permissions", "consent", "credential", "mailbox", "test", "settings"):
        assert heading(see(signed_in, name)) == "2. Application", name
    up = SetupProgress.objects.get()
    assert "Continue" in signed_in.get(reverse("overview")).content.decode()
    assert reverse("guide-on", args=[up.pk]) in signed_in.get(reverse("tenants")).content.decode()


def test_a_guide_is_its_owner_s_alone(signed_in: Client, world: There, client: Client) -> None:
    begin(signed_in, world)
    other = Client()
    other.force_login(User.objects.create_superuser("eve@x.example", "another long password"))
    assert other.get(reverse("guide-on", args=[SetupProgress.objects.get().pk])).status_code == 404
    assert "Continue" not in other.get(reverse("tenants")).content.decode()


def test_what_was_deleted_meanwhile_leads_back_to_its_step(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "mailbox")
    Mailbox.objects.all().delete()
    assert heading(see(signed_in, "test")).startswith(("4.", "6."))
    AppRegistration.objects.all().delete()
    assert heading(see(signed_in, "on")) == "2. Application"


def test_as_which_mailboxes_the_app_may_send_is_proven_without_leaving_the_guide(
    signed_in: Client, world: There
) -> None:
    other = f"chief@{world.directory.domain}"
    world.sandbox.directory.add_mailbox(world.directory, other)
    world.sandbox.directory.scope(world.app, "Mail.Send", [world.address])
    up_to(signed_in, world, "permissions")
    post(signed_in, "permissions", {"permissions": ["Mail.Send"], "scope": "scoped"})
    post(signed_in, "credential", {"value": world.secret(), "expires_at": END})
    post(signed_in, "mailbox", {"address": world.address, "transport": "graph"})
    assert "Test sending as another mailbox" not in see(signed_in, "test"), (
        "a refusal proves nothing before it may send at all"
    )
    post(signed_in, "test", {"recipient": "ada@x.example", "transport": "graph"})
    worker.deliver_due()
    assert "Test sending as another mailbox" in see(signed_in, "test")
    assert "This is the mailbox itself: enter another one." in post(signed_in, "scope", {"other": world.address})
    assert "Test in progress" in post(signed_in, "scope", {"other": other})
    worker.deliver_due()
    page = see(signed_in, "test")
    assert "Refused: restricted" in page
    assert "The message was accepted" in page
    assert heading(see(signed_in, "on")) == "8. Settings sheet", "the refusal is no failed test"


def test_the_settings_sheet_stands_in_the_guide_and_shows_the_secret_once(
    signed_in: Client, world: There, administrator: User
) -> None:
    up_to(signed_in, world, "permissions")
    value = world.secret()
    post(signed_in, "credential", {"value": value, "expires_at": END})
    post(signed_in, "mailbox", {"address": world.address, "transport": "graph"})
    page = see(signed_in, "settings")
    assert f'data-copy="{world.directory.directory_id}"' in page
    assert "authUri" in page
    assert value not in page
    assert "import msal" in see(signed_in, "settings", "?for=python")
    signed_in_at(signed_in, administrator, time.time() - 601)
    page = post(signed_in, "settings", {"reason": "into ALERT"})
    assert "Confirm your identity" in page, "an old session is asked who it is"
    assert value not in page
    signed_in_at(signed_in, administrator, time.time())
    url = reverse("guide-settings", args=[SetupProgress.objects.get().pk])
    answer = signed_in.post(url, {"reason": "into ALERT"})
    assert value in unescape(answer.content.decode())
    assert "no-store" in answer.headers["Cache-Control"]
    assert value not in post(signed_in, "settings", {"reason": "into ALERT"})


def test_in_french_a_colon_has_its_space(signed_in: Client, administrator: User, world: There) -> None:
    User.objects.filter(pk=administrator.pk).update(language="fr")
    begin(signed_in, world)
    assert "(locataire unique)\u00a0: le cas habituel" in see(signed_in, "application")
    post(signed_in, "application", application(world))
    assert "Mail.Send\u00a0: Microsoft Graph" in see(signed_in, "permissions")


def test_the_portal_of_the_home_directory_is_not_shown_for_the_consent_of_another(
    signed_in: Client, sandbox: Sandbox
) -> None:
    world, other = there(sandbox, multi_tenant=True), there(sandbox)
    begin(signed_in, world)
    post(signed_in, "application", application(world, audience="AzureADMultipleOrgs"))
    post(signed_in, "permissions", {"permissions": ["Mail.Send"], "scope": "whole"})
    page = post(signed_in, "consent", {"address": other.address, "transport": "graph"})
    assert f"/{other.directory.directory_id}/v2.0/adminconsent" in page
    assert "In the portal" not in page
