"""The guide as a whole: from a domain to a sent mail, resumed, private to its user, and its last steps."""

from __future__ import annotations

import re
import time
from html import unescape

from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.outbox import worker
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, SetupProgress, Tenant
from tests.dashboard.setup_wizard.steps import END, There, application, begin, heading, post, see, up_to
from tests.helpers.login import signed_in_at


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


def test_after_a_test_that_failed_another_one_comes_before_the_next_step(signed_in: Client, world: There) -> None:
    up_to(signed_in, world, "mailbox")
    post(signed_in, "test", {"recipient": "ada@x.example", "transport": "graph"})
    worker.deliver_due()
    page = see(signed_in, "test")
    assert re.search(r'<button class="btn btn-primary">\s*Send test', page)
    assert re.search(r'<a class="btn btn-quiet"\s+href="[^"]+/settings/">\s*Next', page)


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
    assert "Continue setup" not in other.get(reverse("tenants")).content.decode()


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
