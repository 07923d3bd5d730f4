"""20, 21: the forms that change a secret's destination ask for the secret again, and send it nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.audit import AuditEntry
from alertadmin.outbox.models import Channel
from alertadmin.registry.models import (
    AppRegistration,
    Credential,
    Mailbox,
    SetupProgress,
)
from mailer.http.ssrf_guard import EgressAllowlist
from tests.attacks.secret_destination.conftest import ELSEWHERE, Trap, every_way_of_use
from tests.attacks.secret_destination.test_20_21_database import signing_key
from tests.conftest import set_environment
from tests.factories import Rows, Site
from tests.helpers.login import signed_in_at
from tests.mailer.https_server import reply
from tests.outbox.channels.http_server import HttpServer

pytestmark = [pytest.mark.django_db, pytest.mark.control(100)]


# By the forms


@pytest.fixture
def owner(client: Client, administrator: User) -> Client:
    return signed_in_at(client, administrator)


def tenant_data(site: Site, **changes: Any) -> dict[str, Any]:
    tenant = site.tenant
    data = {"name": tenant.name, "directory_id": tenant.directory_id, "cloud": tenant.cloud, "time_zone": "UTC"}
    return {**data, "domain": tenant.domain, "contacts": "", **changes}


def app_data(site: Site, **changes: Any) -> dict[str, Any]:
    app = site.app
    data = {"name": app.name, "client_id": app.client_id, "audience": app.audience, "redirect_uri": app.redirect_uri}
    return {**data, "permissions": app.permissions, **changes}


@pytest.mark.parametrize("changed", [{"cloud": ELSEWHERE}, {"directory_id": str(uuid4())}], ids=["cloud", "directory"])
def test_20_a_tenant_s_form_asks_before_its_secrets_are_removed(
    owner: Client, site: Site, places: Trap, changed: dict[str, str]
) -> None:
    url = reverse("tenant-edit", args=[site.tenant.pk])
    asked = owner.post(url, tenant_data(site, **changed))
    assert b"never sent elsewhere" in asked.content
    assert b'type="checkbox" name="remove_secrets"' in asked.content
    site.credential.refresh_from_db()
    assert site.credential.value
    Mailbox.objects.all().delete()
    done = owner.post(url, tenant_data(site, **changed, remove_secrets="on"))
    assert done.status_code == 302
    site.credential.refresh_from_db()
    assert not Credential.objects.filter(value__isnull=False).exists()
    assert site.credential.hint == ""
    assert AuditEntry.objects.filter(act="credential.changed", object_id=str(site.credential.pk)).exists()
    assert not places.was_reached()


def test_20_another_client_id_takes_its_secret_in_the_same_step(owner: Client, site: Site) -> None:
    url = reverse("app-edit", args=[site.app.pk])
    client_id = str(uuid4())
    asked = owner.post(url, app_data(site, client_id=client_id)).content.decode()
    assert "is never sent for this one" in asked
    assert 'type="password" name="new_secret"' in asked
    secret = "fT48Q~abcdefghijklmnopqrstuvwxyz0123456789"
    assert owner.post(url, app_data(site, client_id=client_id, new_secret=secret)).status_code == 302
    stored = Credential.objects.select_related("app__tenant").get(pk=site.credential.pk)
    assert stored.value is not None
    assert (stored.app.client_id, stored.value.decrypt(), stored.hint) == (client_id, secret, secret[:3])


def test_20_without_keys_the_form_keeps_all_as_it_is(
    owner: Client, site: Site, settings: Settings, tmp_path: Path
) -> None:
    set_environment(settings, KEYS_FILE=str(tmp_path / "gone.json"))
    data = app_data(site, client_id=str(uuid4()), new_secret="fT48Q~abcdefghijklmnopqrstuvwxyz0123456789")
    page = owner.post(reverse("app-edit", args=[site.app.pk]), data).content.decode()
    assert "is missing. Restore it" in page
    assert data["new_secret"] not in page
    assert AppRegistration.objects.get(pk=site.app.pk).client_id == site.app.client_id


def test_20_an_unchanged_client_id_in_braces_asks_for_nothing(owner: Client, site: Site) -> None:
    url = reverse("app-edit", args=[site.app.pk])
    same = "{" + site.app.client_id.upper() + "}"
    assert owner.post(url, app_data(site, client_id=same, name="Renamed")).status_code == 302
    site.credential.refresh_from_db()
    assert site.credential.value


def test_20_the_guide_asks_too(owner: Client, site: Site, administrator: User) -> None:
    guide = SetupProgress.objects.create(person=administrator, tenant=site.tenant, app=site.app)
    url = reverse("guide-application", args=[guide.pk])
    data = app_data(site, client_id=str(uuid4()))
    assert "is never sent for this one" in owner.post(url, data).content.decode()
    owner.post(url, {**data, "remove_secrets": "on"})
    site.credential.refresh_from_db()
    assert site.credential.value is None


@pytest.mark.parametrize(
    "changed",
    [{"server": "other"}, {"username": "administrator"}, {"address": "other@plant.example"}, {"login_kind": "basic"}],
    ids=str,
)
def test_20_another_server_or_login_takes_the_password_again(
    owner: Client, site: Site, plant: Mailbox, places: Trap, changed: dict[str, str]
) -> None:
    url = reverse("mailbox-edit", args=[plant.pk])
    data = {
        "address": plant.address,
        "tenant": site.tenant.pk,
        "server": plant.server,
        "username": plant.username,
        "login_kind": plant.login_kind,
        **changed,
    }
    assert "Enter the password again" in owner.post(url, data).content.decode()
    plant.refresh_from_db()
    assert plant.server == "onprem"
    every_way_of_use(site, plant)
    assert not places.was_reached()
    assert owner.post(url, {**data, "new_password": "of the other"}).status_code == 302
    stored = Mailbox.objects.get(pk=plant.pk).password
    assert stored is not None
    assert stored.decrypt() == "of the other"


def test_21_no_form_pairs_an_app_with_a_tenant_of_another_cloud(owner: Client, site: Site, rows: Rows) -> None:
    abroad = rows.tenant("Abroad", cloud=ELSEWHERE)
    data = {"address": "b@abroad.example", "app": site.app.pk, "transport": "graph", "tenant": abroad.pk}
    said = owner.post(reverse("mailbox-add"), data).content.decode()
    assert "to its own cloud only" in said
    assert not Mailbox.objects.filter(tenant=abroad).exists()
    guest = rows.tenant("Guest", cloud="lab")
    Mailbox.objects.filter(pk=site.mailbox.pk).update(tenant=guest)
    said = owner.post(
        reverse("tenant-edit", args=[site.tenant.pk]), tenant_data(site, cloud=ELSEWHERE)
    ).content.decode()
    assert "only to its own cloud" in said


@pytest.mark.parametrize("again", [True, False])
def test_20_a_webhook_s_new_address_is_never_signed_with_the_old_key(
    owner: Client, site: Site, settings: Settings, again: bool
) -> None:
    settings.INSIDE_TARGETS = EgressAllowlist.parse("127.0.0.0/8, ::1")
    channel = signing_key(site)
    assert isinstance(channel, Channel)
    assert channel.signing_key is not None
    old = channel.signing_key.decrypt()
    with HttpServer() as there:
        there.routes[""] = reply(200, "ok")
        page = owner.post(
            reverse("channel-edit", args=[channel.pk]),
            {"name": channel.name, "line": 1, "new_address": f"{there.url}/hook"},
        ).content.decode()
    stored = Channel.objects.get()
    assert stored.signing_key is not None
    new = stored.signing_key.decrypt()
    assert new != old
    assert (new in page, old in page) == (True, False)
