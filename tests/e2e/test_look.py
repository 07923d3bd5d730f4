"""How every page looks, on a phone and on a desktop, in light and dark: nothing overflows, with any names that users
give; neither the browser nor axe complains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect
from pytest_django import Settings

from alertadmin.accounts.models import FirstAdministratorLink, User
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import role_grants
from alertadmin.outbox import worker
from alertadmin.outbox.models import Channel, Delivery
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.consent.checks import check_consents, required_pairs
from alertadmin.registry.models import AppRegistration, Consent, Mailbox, SetupProgress, Tenant
from alertadmin.reminders.scan import scanner
from mailer.http.ssrf_guard import EgressAllowlist
from sandbox import Sandbox
from tests.conftest import NOW, hashed_password, set_environment
from tests.e2e.conftest import complaints_of, sign_in
from tests.factories import Rows, Site

pytestmark = pytest.mark.journey

WIDE, NARROW = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
LONG_NAME = "Wasserwirtschaftsverwaltungsgesellschaft Nordrhein-Westfalen und angeschlossene Betriebe mbH"
LONG_WORD = "Wasserwirtschaftsverwaltungsgesellschaftsleitstelle-Nordrhein-Westfalen_relay_2026"
LONG_ADDRESS = "alarmierung.leitstelle.nord@meldungen.wasserwirtschaftsverwaltungsgesellschaft.example"
LISTS = ("tenants", "apps", "credentials", "mailboxes", "consents", "deliveries", "channels")
STICKING_OUT = """
[...document.querySelectorAll("h1, h2, h3, a, button, label, input, select, td, dd, p, li, .state")]
  .filter((one) => one.checkVisibility() && !one.closest(".scroll, .visually-hidden, .skip, .menu:not(.show)"))
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 || one.getBoundingClientRect().left < -1)
  .map((one) => one.outerHTML.slice(0, 120))
"""


@dataclass
class Looker:
    page: Page
    address: str
    complaints: list[str]

    def look_at(self, *paths: str, by_axe: bool = True) -> None:
        for path in paths:
            self.page.goto(self.address + path)
            self.look(path, by_axe=by_axe)

    def submit(self, button: str) -> None:
        """Click, and wait for the page that answers: between the two there is no document to look at."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=button, exact=True).click()

    def look(self, name: str, *, by_axe: bool = True) -> None:
        """At the page that is open. By axe in each width and each shade once, which makes two of the four."""
        for size, shade in ((WIDE, "dark"), (NARROW, "light"), (WIDE, "light"), (NARROW, "dark")):
            self.page.set_viewport_size(size)
            self.page.emulate_media(color_scheme=shade)  # type: ignore[arg-type]
            assert self.page.evaluate(STICKING_OUT) == [], (name, size)
            width = self.page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], f"{name} is {width} wide on {size['width']}"
        assert self.complaints == [], name
        if by_axe:
            self.page.evaluate(AXE_SCRIPT)
            self.judge(name)
            self.page.set_viewport_size(WIDE)
            self.page.emulate_media(color_scheme="light")
            self.judge(name)
            # axe's own styles breach the policy; what it made the browser say is no fault of the page.
            self.complaints.clear()

    def judge(self, name: str) -> None:
        found = self.page.evaluate("axe.run({resultTypes: ['violations']}).then((found) => found.violations)")
        assert {one["id"]: [node["html"][:160] for node in one["nodes"]] for one in found} == {}, name


@pytest.fixture
def outside(context: BrowserContext, address: str) -> Looker:
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")  # else axe judges colours on their way from light to dark
    return Looker(page, address, complaints_of(page))


@pytest.fixture
def looker(outside: Looker, administrator: User) -> Looker:
    sign_in(outside.page.context, outside.address, administrator)
    return outside


@pytest.fixture
def site(sandbox: Sandbox, rows: Rows) -> Site:
    """A customer of which everything is long and something is amiss: consent, the end, a test that failed."""
    site = rows.site(sandbox, name=LONG_NAME, days=3, granted=[], contacts=[LONG_ADDRESS, "duty@x.example"])
    Tenant.objects.update(notes=f"{LONG_WORD}\n{LONG_NAME}", domain="wasserwirtschaftsverwaltungsgesellschaft.example")
    AppRegistration.objects.update(name=LONG_WORD, notes=LONG_NAME)
    rows.credential(site.app, days=700, state="next", description=LONG_WORD)
    rows.credential(site.app, days=-30, state="retired", description=LONG_NAME)
    Mailbox.objects.create(tenant=site.tenant, app=site.app, address=LONG_ADDRESS, transport="ews")
    list(check_consents(required_pairs(), now=NOW))
    scanner.run(NOW)
    return site


def sent_test(site: Site) -> Delivery:
    delivery = test_send.create(site.mailbox, LONG_ADDRESS, now=NOW)
    worker.deliver_due(only=delivery.pk)
    return delivery


def by_id(names: Sequence[str], key: object) -> Iterable[str]:
    return [reverse(name, args=[key]) for name in names]


def test_the_door(outside: Looker, administrator: User) -> None:
    outside.look_at(
        reverse("sign-in"),
        f"{reverse('sign-in')}?next=/secrets/&lost=1",
        reverse("first-administrator", args=["used"]),
    )
    with outside.page.expect_navigation():
        outside.page.get_by_role("link", name="Sign in").click()
    outside.submit("Sign in")
    outside.look("a refused sign-in")
    User.objects.all().delete()
    outside.look_at(reverse("first-administrator", args=[FirstAdministratorLink.make(NOW)]))


def test_the_proof_of_a_long_address(outside: Looker, administrator: User) -> None:
    person = User.objects.create(email=LONG_ADDRESS, password=hashed_password())
    with transaction.atomic():
        waits = role_grants.hold_role(person, Role.ADMINISTRATOR, giver=administrator, now=timezone.now())
    outside.look_at(waits.link.removeprefix(settings.PUBLIC_URL))


def test_an_empty_installation(looker: Looker) -> None:
    looker.look_at(reverse("overview"), *map(reverse, LISTS), "/tenants/?q=nothing", "/nowhere/")


def test_the_overview_and_the_lists(looker: Looker, site: Site) -> None:
    looker.look_at(reverse("overview"), *map(reverse, LISTS))


@pytest.mark.slow
def test_channels(looker: Looker, site: Site, settings: Settings) -> None:
    """Of which all is long, one was refused: its test, the pages that name it, and the form with what is wrong."""
    settings.INSIDE_TARGETS = EgressAllowlist.parse("127.0.0.0/8")
    channel = Channel(name=LONG_WORD, service="webhook", label="Webhook", hint=LONG_ADDRESS, tenant=site.tenant)
    channel.address = "http://127.0.0.1:1/hook"
    channel.save()
    test = test_send.create_for_channel(channel, now=NOW)
    worker.deliver_due(only=test.pk)
    looker.look_at(
        reverse("channels"),
        reverse("channel-add"),
        *by_id(["channel", "channel-edit", "channel-delete"], channel.pk),
        *by_id(["test-send-progress", "delivery"], test.pk),
        *by_id(["tenant-policy"], site.tenant.pk),
        site.credential.get_absolute_url(),
        f"{reverse('channel-add')}?kind=teams",
    )
    looker.page.get_by_label("Address").fill(f"https://10.0.0.1/{LONG_WORD}")
    looker.submit("Save")
    looker.look("a refused channel")
    looker.page.goto(looker.address + channel.get_absolute_url())
    looker.submit("Create a new key")
    looker.look("a signing key")


def test_a_list_of_more_than_a_page(looker: Looker, rows: Rows) -> None:
    tenant = rows.tenant()
    AppRegistration.objects.bulk_create(
        AppRegistration(tenant=tenant, name=f"relay {number}", client_id=str(uuid4())) for number in range(120)
    )
    looker.page.goto(looker.address + reverse("apps"))
    looker.look("the first page", by_axe=False)
    looker.page.get_by_role("link", name="Next").click()
    expect(looker.page.get_by_role("link", name="Previous")).to_be_visible()
    looker.look("the second page", by_axe=False)


def test_each_step_of_the_guide(looker: Looker, site: Site, administrator: User) -> None:
    of_site = {"tenant": site.tenant, "app": site.app, "mailbox": site.mailbox}
    guide = SetupProgress.objects.create(person=administrator, **of_site)
    sent_test(site)
    looker.look_at(*by_id(["guide-application", "guide-consent", "guide-credential"], guide.pk))
    plain = ["guide-directory", "guide-permissions", "guide-mailbox", "guide-test", "guide-settings", "guide-scripts"]
    looker.look_at(reverse("guide"), *by_id(plain, guide.pk), by_axe=False)


def test_each_thing(looker: Looker, site: Site) -> None:
    reminder = Delivery.objects.filter(purpose="reminder").first()
    assert reminder
    failed = sent_test(site)
    worker.deliver_due()
    things = (site.tenant, site.app, site.credential, site.mailbox)
    looker.look_at(
        *(thing.get_absolute_url() for thing in things),
        *by_id(["delivery"], reminder.pk),
        *by_id(["delivery", "test-send-progress"], failed.pk),
    )


def test_a_test_send_under_way_and_accepted(looker: Looker, sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox, name=LONG_NAME)
    waiting = test_send.create(site.mailbox, LONG_ADDRESS, now=NOW)
    looker.page.goto(looker.address + reverse("test-send-progress", args=[waiting.pk]))
    looker.look("a test that waits for the worker")
    worker.deliver_due()
    expect(looker.page.get_by_role("heading", name="The message was accepted")).to_be_visible()
    looker.look("a test that was accepted")


def test_each_form(looker: Looker, site: Site) -> None:
    tenant, app, credential, mailbox = site.tenant, site.app, site.credential, site.mailbox
    looker.look_at(
        *map(reverse, ("register", "import", "diagnosis", "profile", "mailbox-add", "mailbox-add-on-premises")),
        reverse("policies"),
        f"{reverse('register')}?tenant={tenant.pk}",
        *by_id(["tenant-edit", "tenant-delete", "tenant-policy"], tenant.pk),
        *by_id(["app-edit", "app-delete", "app-policy", "credential-add", "certificate-add", "app-sheet"], app.pk),
        *by_id(["credential-edit", "credential-delete", "credential-replace", "credential-hold"], credential.pk),
        *by_id(["mailbox-edit", "mailbox-delete"], mailbox.pk),
        reverse("leaving-ews"),
        reverse("consent-ask", args=[Consent.objects.all()[0].pk]),
    )


def test_what_a_form_says_of_mistakes(looker: Looker, site: Site, tmp_path: Path) -> None:
    page = looker.page
    page.goto(looker.address + reverse("register"))
    page.fill("[name=tenant-directory_id]", "common")
    page.fill("[name=secret-expires_at]", "2048-01-01")
    looker.submit("Register")
    looker.look("a refused registration")
    page.goto(looker.address + reverse("import"))
    table = tmp_path / "customers.csv"
    table.write_text(f"directory_id,app_name,mailbox\n{LONG_WORD},=x,unknown\n", encoding="utf-8")
    page.get_by_label("File").first.set_input_files(table)
    looker.submit("Continue")
    looker.look("the columns of a file")
    looker.submit("Check the rows")
    looker.look("a refused import")
    page.goto(looker.address + reverse("credential-replace", args=[site.credential.pk]))
    page.get_by_label("Secret value").fill("wrong~wrong.wrong-wrong_wrong~wrong12345")
    page.get_by_label("Expires").fill("2028-06-30")
    page.get_by_role("button", name="Save and verify").click()
    expect(page.get_by_role("heading", name="The new secret got no token")).to_be_visible()
    looker.look("a secret that is not proven")
    page.goto(looker.address + reverse("diagnosis"))
    page.get_by_label("The error text").fill(f"AADSTS7000222: the provided client secret keys are expired. {LONG_WORD}")
    looker.submit("Explain")
    looker.look("an explained error")


def test_in_french_whose_words_are_longer(looker: Looker, administrator: User, site: Site) -> None:
    administrator.language = "fr"
    administrator.save()
    failed = sent_test(site)
    looker.look_at(
        *map(reverse, ("overview", *LISTS, "register", "import")),
        *(thing.get_absolute_url() for thing in (site.tenant, site.app, site.credential, site.mailbox)),
        *by_id(["test-send-progress", "delivery"], failed.pk),
        by_axe=False,
    )


def test_a_house_in_trouble(looker: Looker, rows: Rows, settings: Settings, tmp_path: Path) -> None:
    """No scan runs, and the key file is missing."""
    credential = rows.credential(value="abc8Q~canary.canary-canary_canary~canary12")
    set_environment(settings, KEYS_FILE=str(tmp_path / LONG_WORD / "keys.json"))
    looker.look_at(reverse("overview"), credential.get_absolute_url())
    expect(looker.page.get_by_text("The stored value cannot be decrypted:")).to_be_visible()


def test_the_menu_of_a_narrow_screen(looker: Looker) -> None:
    page = looker.page
    page.set_viewport_size(NARROW)
    page.goto(looker.address + reverse("overview"))
    page.get_by_role("button", name="Menu").click()
    expect(page.locator("#menu")).to_be_focused()
    page.evaluate(AXE_SCRIPT)
    looker.judge("the menu")
