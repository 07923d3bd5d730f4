"""Steps 2 and 3 of the guide: the application and its permissions."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from alertadmin.dashboard.consents.request_views import callback_url
from alertadmin.registry.models import AppRegistration, SetupProgress
from tests.dashboard.setup_wizard.steps import There, application, begin, heading, post, see, up_to
from tests.factories import Rows, cloud_slug


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
