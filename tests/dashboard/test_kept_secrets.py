"""A secret that was pasted into a form survives the fault of another field, for its user at that form, for an hour."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from alertadmin.accounts import reauthentication
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import make_owner
from alertadmin.crypto import keyring, messages
from alertadmin.outbox.models import Channel
from alertadmin.registry.credentials import kept_secrets
from alertadmin.registry.models import Credential, KeptSecret, Mailbox
from alertadmin.registry.models.kept_secret import KEPT_FOR
from alertadmin.registry.permissions import TransportName
from sandbox import Sandbox
from tests.dashboard.test_pages import registration
from tests.factories import Rows, Site
from tests.helpers.login import signed_in_at

SECRET = "Q8w~pasted-once-and-never-shown.again_123"
URL = "ntfy://pasted-once-and-never-shown"
GONE = "What you had entered was kept for an hour, and is deleted now. Enter it again."


@dataclass
class Door:
    """A form, what is wrong with it, and where its secret is stored."""

    url: Callable[[Site], str]
    data: Callable[[Site], dict[str, Any]]
    secret: str
    """Field name."""
    faults: tuple[dict[str, Any], ...]
    stored: Callable[[Site], Iterator[Any]]
    value: str = SECRET


def channel_to_edit(site: Site) -> Channel:
    made = Channel.objects.filter(name="Old").first() or Channel(name="Old", line=1, service="ntfy")
    if made._state.adding:
        made.address = "ntfy://the-old-topic"
        made.save()
    return made


def on_premises(site: Site) -> dict[str, Any]:
    return {"address": "plant@x.example", "tenant": site.tenant.pk, "server": "onprem", "login_kind": "ntlm"}


def mailbox_to_edit(site: Site) -> Mailbox:
    made = Mailbox.objects.filter(address="plant@x.example").first()
    if made is None:
        made = Mailbox(address="plant@x.example", tenant=site.tenant, server="onprem", login_kind="ntlm")
        made.transport = TransportName.EWS
        made.password = "the-old-password"
        made.save()
    return made


def credential_values(_site: Site) -> Iterator[Any]:
    return (one.value for one in Credential.objects.all())


def channel_addresses(_site: Site) -> Iterator[Any]:
    return (one.address for one in Channel.objects.all())


def mailbox_passwords(_site: Site) -> Iterator[Any]:
    return (one.password for one in Mailbox.objects.all())


def of_app(site: Site) -> dict[str, Any]:
    names = {"name": site.app.name, "audience": site.app.audience, "permissions": site.app.permissions}
    return {**names, "client_id": str(uuid4())}


CREDENTIAL: dict[str, Any] = {"description": "new", "expires_at": "2027-06-30"}
FAULTS: tuple[dict[str, Any], ...] = (
    {"expires_at": "soon"},
    {"expires_at": ""},
    {"expires_at": "03/04/2027"},
    {"starts_at": "2028-01-01"},
    {"key_id": "no id"},
    {"description": "x" * 300},
)
DOORS = {
    "add": Door(
        lambda site: reverse("credential-add", args=[site.app.pk]),
        lambda _site: CREDENTIAL, "value", FAULTS, credential_values,
    ),
    "replace": Door(
        lambda site: reverse("credential-replace", args=[site.credential.pk]),
        lambda _site: CREDENTIAL, "value", FAULTS, credential_values,
    ),
    "quick add": Door(
        lambda _site: reverse("register"),
        lambda _site: registration(), "secret-value",
        ({"secret-expires_at": "soon"}, {"tenant-directory_id": "7"}, {"app-client_id": ""}, {"mailbox-address": "x"}),
        credential_values,
    ),
    "app edit": Door(
        lambda site: reverse("app-edit", args=[site.app.pk]), of_app, "new_secret",
        ({"name": ""}, {"client_id": "none"}), credential_values,
    ),
    "mailbox on premises": Door(
        lambda _site: reverse("mailbox-add-on-premises"),
        on_premises, "new_password", ({"address": "plant"}, {"server": "other"}, {"tenant": ""}),
        mailbox_passwords,
    ),
    "channel add": Door(
        lambda _site: f"{reverse('channel-add')}?kind=ntfy",
        lambda _site: {"id": str(uuid4()), "name": "Ops", "line": "1"}, "new_address",
        ({"name": ""}, {"line": "77"}), channel_addresses, URL,
    ),
    "channel edit": Door(
        lambda site: reverse("channel-edit", args=[channel_to_edit(site).pk]),
        lambda _site: {"name": "Ops", "line": "1"}, "new_address",
        ({"name": ""}, {"line": "77"}), channel_addresses, URL,
    ),
    "mailbox edit": Door(
        lambda site: reverse("mailbox-edit", args=[mailbox_to_edit(site).pk]),
        on_premises, "new_password", ({"address": "plant"}, {"server": "other"}, {"tenant": ""}), mailbox_passwords,
    ),
}  # fmt: skip


@pytest.fixture
def site(rows: Rows, sandbox: Sandbox) -> Site:
    return rows.site(sandbox)


def offered(page: str) -> dict[str, str]:
    """The ticked boxes of what is kept, as a browser submits them."""
    found = re.findall(r'<input type="checkbox"\s+name="(kept-[^"]+)"\s+value="([^"]+)"\s+checked>', page)
    return {name: unescape(value) for name, value in found}


@pytest.mark.django_db
@pytest.mark.parametrize("name", DOORS)
def test_each_fault_of_another_field_keeps_the_secret(name: str, site: Site, signed_in: Client) -> None:
    door = DOORS[name]
    url, data = door.url(site), door.data(site)
    ticked: dict[str, str] = {}
    typed = door.value
    for fault in door.faults:
        page = signed_in.post(url, {**data, **fault, door.secret: typed, **ticked}).content.decode()
        assert door.value not in page
        ticked, typed = offered(page), ""
        assert ticked.keys() == {f"kept-{door.secret}"}, fault
    assert not any(one and one.readable and one.decrypt() == door.value for one in door.stored(site))
    page = signed_in.post(url, {**data, door.secret: "", **ticked}).content.decode()
    assert door.value not in page
    assert [one.decrypt() for one in door.stored(site) if one and one.decrypt() == door.value] == [door.value]
    assert not KeptSecret.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", DOORS)
def test_without_what_was_kept_the_form_stores_nothing(name: str, site: Site, signed_in: Client) -> None:
    """Also where the field may be empty: an edit would seem to have stored the new secret."""
    door = DOORS[name]
    ticked = {f"kept-{door.secret}": str(uuid4())}
    url, before = door.url(site), [one and one.token for one in door.stored(site)]
    answer = signed_in.post(url, {**door.data(site), door.secret: "", **ticked})
    assert answer.status_code in (200, 422)
    assert GONE in answer.content.decode()
    assert [one and one.token for one in door.stored(site)] == before


@pytest.mark.django_db
def test_a_secret_to_monitor_only_is_not_stored_without_its_value(site: Site, signed_in: Client) -> None:
    url = reverse("credential-add", args=[site.app.pk])
    ticked = {"kept-value": str(uuid4())}
    page = signed_in.post(url, {**CREDENTIAL, "value": "", "only_monitor": "on", **ticked}).content.decode()
    assert GONE in page
    assert Credential.objects.count() == 1


def kept(client: Client, site: Site, value: str = SECRET) -> dict[str, str]:
    """Submit a wrong date, and return the tick that the page offers."""
    url = reverse("credential-add", args=[site.app.pk])
    return offered(client.post(url, {**CREDENTIAL, "expires_at": "soon", "value": value}).content.decode())


@pytest.mark.django_db
def test_another_user_form_app_or_field_does_not_get_it(
    site: Site, rows: Rows, signed_in: Client, administrator: User
) -> None:
    ticked = kept(signed_in, site)
    other = User.objects.create(email="other@provider.example")
    make_owner(other)
    elsewhere = rows.app(site.tenant, name="Elsewhere")
    add = reverse("credential-add", args=[site.app.pk])
    for client, url in (
        (signed_in_at(Client(), other), add),
        (signed_in, f"{add}?x=1"),
        (signed_in, reverse("credential-add", args=[elsewhere.pk])),
        (signed_in, reverse("credential-replace", args=[site.credential.pk])),
    ):
        page = client.post(url, {**CREDENTIAL, "value": "", **ticked}).content.decode()
        assert GONE in page
        assert not offered(page)
    assert Credential.objects.count() == 1
    [row] = KeptSecret.objects.all()
    assert kept_secrets.find(str(row.pk), administrator, add, "new_secret", timezone.now()) is None
    assert kept_secrets.find("no id", administrator, add, "value", timezone.now()) is None
    row.path = "/elsewhere/"
    row.save(update_fields=["path"])
    assert kept_secrets.find(str(row.pk), administrator, "/elsewhere/", "value", timezone.now()) is None


@pytest.mark.django_db
@pytest.mark.parametrize("moved", [-KEPT_FOR, timedelta(days=2)], ids=["an hour later", "the clock ran ahead"])
def test_after_an_hour_it_is_gone_and_the_form_says_so(site: Site, signed_in: Client, moved: timedelta) -> None:
    ticked = kept(signed_in, site)
    [row] = KeptSecret.objects.all()
    KeptSecret.objects.update(created_at=row.created_at + moved, expires_at=row.expires_at + moved)
    url = reverse("credential-add", args=[site.app.pk])
    page = signed_in.post(url, {**CREDENTIAL, "value": "", **ticked}).content.decode()
    assert GONE in page
    assert 'value="2027-06-30"' in page
    assert kept_secrets.remove_expired(timezone.now()) == 1


@pytest.mark.django_db
def test_another_value_or_no_tick_leaves_it_out(site: Site, signed_in: Client) -> None:
    ticked = kept(signed_in, site)
    url = reverse("credential-add", args=[site.app.pk])
    assert "required" in signed_in.post(url, {**CREDENTIAL, "value": ""}).content.decode()
    signed_in.post(url, {**CREDENTIAL, "value": "another~value-of-forty-characters.123456", **ticked})
    assert {one.hint for one in Credential.objects.all()} == {"Q8w", "ano"} - {"Q8w"} | {site.credential.hint}


@pytest.mark.django_db
def test_each_window_has_its_own(site: Site, signed_in: Client) -> None:
    first, second = kept(signed_in, site), kept(signed_in, site, "second~value-of-forty-characters.1234567")
    url = reverse("credential-add", args=[site.app.pk])
    for ticked, hint in ((first, "Q8w"), (second, "sec")):
        signed_in.post(url, {**CREDENTIAL, "description": hint, "value": "", **ticked})
        assert Credential.objects.get(description=hint).hint == hint


@pytest.mark.django_db
def test_a_refused_secret_is_not_offered_again(site: Site, signed_in: Client) -> None:
    assert kept(signed_in, site, str(uuid4())) == {}


@pytest.mark.django_db
def test_it_survives_the_question_who_you_are(site: Site, signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page that asks carries the ID on, and never the secret."""
    url = f"{reverse('channel-add')}?kind=ntfy"
    data = {"id": str(uuid4()), "name": "Ops", "line": "1"}
    with monkeypatch.context() as late:
        late.setattr(reauthentication, "is_recent", lambda *_arguments: False)
        asked = signed_in.post(url, {**data, "new_address": URL})
    page = asked.content.decode()
    assert asked.status_code == 403
    assert URL not in page
    carried = dict(re.findall(r'<input type="hidden" name="(kept-[^"]+)" value="([^"]+)">', page))
    signed_in.post(url, {**data, **carried})
    [channel] = Channel.objects.all()
    assert channel.address is not None
    assert channel.address.decrypt() == URL


@pytest.mark.django_db
def test_without_a_key_nothing_is_kept_and_the_form_answers(
    site: Site, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise keyring.KeyringError(messages.TAMPERED)

    monkeypatch.setattr(keyring, "load", missing)
    assert kept(signed_in, site) == {}


@pytest.mark.django_db
def test_what_is_submitted_over_and_over_fills_no_table(site: Site, signed_in: Client) -> None:
    for _time in range(kept_secrets.MAX_PER_PERSON + 5):
        ticked = kept(signed_in, site)
    assert KeptSecret.objects.count() == kept_secrets.MAX_PER_PERSON
    assert KeptSecret.objects.filter(pk=ticked["kept-value"]).exists()


class AnyText(TestCase):
    @settings(max_examples=30, deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
    def test_it_is_kept_character_for_character(self, value: str) -> None:
        person, now = User.objects.get_or_create(email="a@x.example")[0], timezone.now()
        row = kept_secrets.keep(value, person, "/x/", "value", now)
        assert row is not None
        found = kept_secrets.find(str(row.pk), person, "/x/", "value", now)
        assert found is not None
        assert found[1] == value
