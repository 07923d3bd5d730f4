"""In by Entra, and in by an invitation: through a browser, at the sandbox's own sign-in page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import Invitation
from alertadmin.accounts.models.membership import make_owner
from tests.accounts.oidc.conftest import OPERATORS, Entra
from tests.accounts.oidc.conftest import entra as entra
from tests.conftest import PASSWORD

pytestmark = pytest.mark.journey


@pytest.fixture
def here(address: str, settings: Settings) -> str:
    """The way back is by the configured address."""
    settings.PUBLIC_URL = address
    return address


def test_signing_in_by_entra_and_cancelling_before(page: Page, here: str, entra: Entra) -> None:
    entra.sandbox.directory.set_groups(entra.person.object_id, [OPERATORS])
    page.goto(f"{here}/sign-in/")
    page.get_by_role("button", name="Sign in with Northpark").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The sign-in at Northpark was cancelled.")).to_be_visible()
    page.get_by_role("button", name="Sign in with Northpark").click()
    page.get_by_label("Account").select_option(label="Grace Hopper (grace@northpark.example)")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Tenants")).to_be_visible()
    page.goto(f"{here}/profile/security/")
    expect(page.get_by_text("grace@northpark.example").first).to_be_visible()


def test_an_owner_invites_and_the_invited_person_comes_in(
    page: Page, here: str, entra: Entra, administrator: User
) -> None:
    make_owner(administrator)
    page.goto(f"{here}/sign-in/")
    page.get_by_label("E-mail address").fill(administrator.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Users").click()
    page.get_by_role("link", name="Invite a user").click()
    page.get_by_label("E-mail addresses").fill("grace@elsewhere.example")
    page.get_by_label("Role").select_option(label="Operator")
    page.get_by_label("All tenants").check()
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("heading", name="Invitation of grace@elsewhere.example")).to_be_visible()
    page.goto(f"{here}/people/")
    link = Invitation.objects.get().link
    assert page.context.browser is not None
    other = page.context.browser.new_context(ignore_https_errors=True).new_page()
    other.goto(link)
    other.get_by_role("button", name="Sign in with Northpark").click()
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("link", name="Tenants")).to_be_visible()
    page.goto(f"{here}{User.objects.get(email='grace@elsewhere.example').get_absolute_url()}")
    expect(page.get_by_text("Operator").first).to_be_visible()
    other.context.close()
