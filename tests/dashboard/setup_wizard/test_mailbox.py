"""Steps 4 and 6 of the guide: the mailbox, and consent in its directory."""

from __future__ import annotations

from django.test import Client

from alertadmin.registry.models import Consent, Mailbox, Tenant
from sandbox import Sandbox
from tests.dashboard.setup_wizard.steps import END, There, application, begin, heading, post, see, there, up_to


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


def test_a_personal_account_is_no_mailbox_of_an_app(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "credential")
    page = post(signed_in, "mailbox", {"address": "alarms@outlook.com", "transport": "graph"})
    assert "Add it as a personal account instead." in page
    assert not Mailbox.objects.exists()


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
