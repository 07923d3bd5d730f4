"""User pages: the users that each administrator sees, their rights, and invitations by mail and by link."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_string
from email.policy import default

import pytest
from django.test import Client
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import Invitation
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations
from alertadmin.audit.throttle_counter import Limit
from alertadmin.outbox import mail_limits, worker
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import AppRegistration, Mailbox, Tenant
from sandbox import Sandbox
from tests.accounts.test_invitations import person, token
from tests.factories import Rows
from tests.outbox.factories import arrived

PASSWORD = "correct horse battery staple"


def client_of(user: User) -> Client:
    """Of a recently reauthenticated user."""
    client = Client()
    user.set_password(PASSWORD)
    user.save()
    assert client.post("/sign-in/", {"username": user.email, "password": PASSWORD}).status_code == 302
    return client


@pytest.fixture
def owner(db: None) -> User:
    return person("first@northpark.example", Role.OWNER)


def test_the_list_shows_roles_last_sign_in_and_second_factor(owner: User, rows: Rows) -> None:
    person("grace@northpark.example", Role.VIEWER, rows.tenant(name="Harbour"))
    page = client_of(owner).get("/people/").content.decode()
    for words in ("grace@northpark.example", "Viewer", "Harbour", "never", "Owner", "all tenants"):
        assert words in page


def test_of_one_tenant_its_people_and_roles_alone_are_seen(owner: User, rows: Rows) -> None:
    mine, other = rows.tenant(name="Harbour"), rows.tenant(name="Elsewhere")
    local = person("local@northpark.example", Role.ADMINISTRATOR, mine)
    both = person("both@northpark.example", Role.VIEWER, mine)
    Membership.objects.create(user=both, tenant=other, role=Role.OPERATOR)
    stranger = person("stranger@northpark.example", Role.VIEWER, other)
    invitations.invite("new@elsewhere.example", {other.pk: Role.VIEWER}, by=None, now=timezone.now())
    theirs = invitations.invite("all@elsewhere.example", {None: Role.VIEWER}, by=None, now=timezone.now())
    client = client_of(local)
    page = client.get("/people/").content.decode()
    assert "both@northpark.example" in page
    for words in ("stranger@", "first@", "Elsewhere", "new@elsewhere", "all@elsewhere", "Operator"):
        assert words not in page
    shown = client.get(f"/people/{both.pk}/").content.decode()
    assert ("Elsewhere" in shown, "Disable" in shown) == (False, False)
    for path in (f"/people/{stranger.pk}/", f"/people/{owner.pk}/role/", f"/people/invitations/{theirs.pk}/"):
        assert client.get(path).status_code == client.post(path).status_code == 404


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER, Role.AUDITOR])
def test_whoever_manages_nobody_has_no_such_page(owner: User, role: Role) -> None:
    client = client_of(person("grace@northpark.example", role))
    assert client.get("/people/").status_code == 403
    assert client.post("/people/invite/").status_code == 403
    assert "/people/" not in client.get("/").content.decode()


@pytest.mark.control(26)
def test_changes_need_a_fresh_proof_of_who_it_is(owner: User) -> None:
    grace = person("grace@northpark.example", Role.VIEWER)
    client = Client()
    client.force_login(owner)
    for path in ("role", "switch", "reset", "delete"):
        assert client.post(f"/people/{grace.pk}/{path}/", {"role": "owner"}).status_code == 403
    assert client.post("/people/invite/", {"address": "x@x.example", "role": "owner"}).status_code == 403
    made = invitations.invite("x@x.example", {None: Role.OWNER}, by=None, now=timezone.now())
    assert client.get(f"/people/invitations/{made.pk}/").status_code == 302
    assert (grace.memberships.get().role, Invitation.objects.count()) == ("viewer", 1)


def test_a_role_is_given_and_taken_on_the_page(owner: User, rows: Rows) -> None:
    tenant = rows.tenant()
    grace = person("grace@northpark.example", Role.VIEWER)
    client = client_of(owner)
    client.post(f"/people/{grace.pk}/role/", {"role": "operator", "tenant": str(tenant.pk)})
    client.post(f"/people/{grace.pk}/role/", {"take": ""})
    assert [(one.role, one.tenant) for one in grace.memberships.all()] == [("operator", tenant)]
    refused = client.post(f"/people/{owner.pk}/role/", {"take": ""}, follow=True)
    assert "You cannot change your own roles." in refused.content.decode()


@pytest.mark.control(31)
def test_a_role_beyond_ones_own_is_not_taken_from_a_forged_form(owner: User, rows: Rows) -> None:
    mine, other = rows.tenant(), rows.tenant()
    grace = person("grace@northpark.example", Role.VIEWER, mine)
    client = client_of(person("local@northpark.example", Role.ADMINISTRATOR, mine))
    for form in ({"role": "owner", "tenant": mine.pk}, {"role": "viewer", "tenant": other.pk}, {"role": "viewer"}):
        assert client.post(f"/people/{grace.pk}/role/", form).status_code == 422
        assert client.post("/people/invite/", {"address": "x@x.example", **form}).status_code == 422
    assert (grace.memberships.count(), Invitation.objects.count()) == (1, 0)


def test_somebody_is_switched_off_reset_and_deleted_on_their_page(owner: User) -> None:
    grace = person("grace@northpark.example", Role.VIEWER)
    client = client_of(owner)
    for _twice in range(2):
        client.post(f"/people/{grace.pk}/switch/", {"to": "off"})
    client.post(f"/people/{grace.pk}/switch/")
    assert "Disabled: this account cannot sign in." in client.get(f"/people/{grace.pk}/").content.decode()
    client.post(f"/people/{grace.pk}/switch/", {"to": "on"})
    assert User.objects.get(pk=grace.pk).is_active
    client.post(f"/people/{grace.pk}/reset/")
    assert "Delete grace@northpark.example" in client.get(f"/people/{grace.pk}/delete/").content.decode()
    client.post(f"/people/{grace.pk}/delete/")
    assert not User.objects.filter(pk=grace.pk).exists()


def test_an_invitation_is_mailed_and_its_link_is_in_the_mail_alone(owner: User, relay: Sandbox) -> None:
    client = client_of(owner)
    asked = {"address": "grace@northpark.example", "role": "operator", "place": "all", "language": "fr"}
    shown = client.post("/people/invite/", asked, follow=True).content.decode()
    made = Invitation.objects.get()
    assert made.shown_link in shown
    worker.deliver_due()
    delivery = Delivery.objects.get(purpose=Purpose.INVITATION)
    (sent,) = arrived(relay, delivery)
    message = message_from_string(sent["mime"], policy=default)
    parts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    assert len(parts) == 2
    assert all(made.link in part for part in parts)
    assert str(message["Subject"]) == "Vous êtes invité dans alertadmin"
    assert delivery.text
    assert token(made) not in delivery.text + delivery.html
    assert token(made) not in client.get(f"/deliveries/{delivery.pk}/").content.decode()


def test_a_mail_of_an_invitation_that_is_over_does_not_leave(owner: User, relay: Sandbox) -> None:
    client = client_of(owner)
    client.post("/people/invite/", {"address": "grace@northpark.example", "role": "operator", "place": "all"})
    client.post(f"/people/invitations/{Invitation.objects.get().pk}/revoke/")
    worker.deliver_due()
    assert Delivery.objects.get().state == "cancelled"


def test_whoever_is_invited_chooses_a_password_and_is_in(owner: User) -> None:
    made = invitations.invite("grace@northpark.example", {None: Role.VIEWER}, by=owner, now=timezone.now())
    client, path = Client(), f"/invitation/{token(made)}/"
    assert "first@northpark.example invites grace@northpark.example" in client.get(path).content.decode()
    weak = client.post(path, {"name": "Grace", "time_zone": "UTC", "password": "short"})
    assert (weak.status_code, User.objects.count()) == (422, 1)
    client.post(path, {"name": "Grace", "time_zone": "UTC", "password": PASSWORD})
    assert client.get("/profile/").context["user"].email == "grace@northpark.example"
    assert Client().get(path).status_code == 404


def test_looking_at_an_invitation_does_not_use_it_up(owner: User) -> None:
    """As scanners of mails do."""
    made = invitations.invite("grace@northpark.example", {None: Role.VIEWER}, by=owner, now=timezone.now())
    for _ in range(3):
        assert Client().get(f"/invitation/{token(made)}/").status_code == 200


def test_somebody_who_has_an_account_signs_in_to_accept(owner: User, rows: Rows) -> None:
    grace = person("grace@northpark.example", Role.VIEWER)
    made = invitations.invite(
        "grace@northpark.example", {rows.tenant().pk: Role.OPERATOR}, by=owner, now=timezone.now()
    )
    path = f"/invitation/{token(made)}/"
    stranger = Client()
    assert "You already have an account here." in stranger.get(path).content.decode()
    stranger.post(path, {"name": "Eve", "time_zone": "UTC", "password": PASSWORD})
    other = client_of(owner)
    assert "You are signed in as first@northpark.example." in other.post(path).content.decode()
    assert grace.memberships.count() == 1
    client_of(grace).post(path)
    assert grace.memberships.count() == 2


def test_a_new_link_is_sent_and_the_old_one_is_over(owner: User) -> None:
    client = client_of(owner)
    client.post("/people/invite/", {"address": "grace@northpark.example", "role": "operator", "place": "all"})
    old = Invitation.objects.get()
    client.post(f"/people/invitations/{old.pk}/renew/")
    assert Client().get(f"/invitation/{token(old)}/").status_code == 404
    assert Client().get(f"/invitation/{token(Invitation.objects.get())}/").status_code == 200
    assert Delivery.objects.filter(purpose=Purpose.INVITATION).count() == 2


def test_who_else_is_here_is_not_told_to_an_administrator_of_one_tenant(owner: User, rows: Rows) -> None:
    mine = rows.tenant()
    client = client_of(person("local@northpark.example", Role.ADMINISTRATOR, mine))
    form = {"address": "first@northpark.example", "role": "viewer", "tenant": str(mine.pk)}
    assert client.post("/people/invite/", form).status_code == 302
    assert client_of(owner).post("/people/invite/", {**form, "tenant": "", "place": "all"}).status_code == 422


def test_what_somebody_may_give_in_one_place_they_may_not_in_another(owner: User, rows: Rows) -> None:
    mine, other = rows.tenant(), rows.tenant()
    local = person("local@northpark.example", Role.ADMINISTRATOR, mine)
    Membership.objects.create(user=local, tenant=other, role=Role.OWNER)
    form = {"address": "x@x.example", "role": "owner"}
    client = client_of(local)
    assert client.post("/people/invite/", {**form, "tenant": str(mine.pk)}).status_code == 422
    assert client.post("/people/invite/", {**form, "tenant": str(other.pk)}).status_code == 302


def test_an_invitation_asks_for_role_and_place(owner: User, rows: Rows) -> None:
    tenant, client = rows.tenant("Harbour"), client_of(owner)
    form = {"address": "x@x.example", "role": "viewer"}
    for wrong in ({}, {"place": "all", "role": ""}, {"place": "some"}, {"place": "all", "tenant": "Harbour"}):
        answer = client.post("/people/invite/", {**form, **wrong})
        assert answer.status_code == 422
        assert "x@x.example" in answer.content.decode()  # nothing is lost
    assert "No tenant" not in answer.content.decode()
    assert client.post("/people/invite/", {**form, "place": "some", "tenant": "no such tenant"}).status_code == 422
    page = client.get("/people/invite/").content.decode()
    assert "checked" not in page.partition("<main")[2]
    assert 'value="Harbour"' in page.partition("<datalist")[2]
    assert not Invitation.objects.exists()
    assert client.post("/people/invite/", {**form, "place": "some", "tenant": "HARBOUR"}).status_code == 302
    assert Invitation.objects.get().roles.get().tenant == tenant


def test_several_are_invited_to_several_tenants(owner: User, rows: Rows) -> None:
    tenants = [rows.tenant(name) for name in ("Harbour", "Northpark")]
    form = {
        "address": "Ada <ada@x.example>; ben@x.example\nada@X.example",
        "role": "operator",
        "place": "some",
        "tenant": ["Harbour", tenants[1].directory_id, ""],
    }
    page = client_of(owner).post("/people/invite/", form, follow=True).content.decode()
    assert "2 users are invited: ada@x.example, ben@x.example." in page
    for made in Invitation.objects.all():
        assert {(one.tenant, one.role) for one in made.roles.all()} == {(one, "operator") for one in tenants}
    assert Delivery.objects.filter(purpose=Purpose.INVITATION).count() == 2


def test_another_field_is_offered_and_nothing_sent(owner: User, rows: Rows) -> None:
    form = {"address": "ada@x.example", "role": "viewer", "place": "some", "tenant": "Harbour", "more": "1"}
    page = client_of(owner).post("/people/invite/", form).content.decode()
    assert page.count('name="tenant"') == 2
    assert "ada@x.example" in page
    assert not Invitation.objects.exists()


def test_addresses_beyond_the_limit_stay_in_the_form(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_limits, "PERSON_TO_STRANGERS", Limit("mails to strangers by", 2, timedelta(days=1)))
    addresses = [f"u{number}@x{number}.example" for number in range(4)]
    form = {"address": "\n".join(addresses), "role": "viewer", "place": "all"}
    answer = client_of(owner).post("/people/invite/", form)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "2 users are invited" in page
    left = page.partition("<textarea")[2].partition("</textarea")[0]
    assert [address in left for address in addresses] == [False, False, True, True]
    assert Invitation.objects.count() == 2


def test_a_tenant_s_page_shows_who_has_access_and_invites_there(owner: User, rows: Rows) -> None:
    tenant = rows.tenant("Harbour")
    person("local@x.example", Role.VIEWER, tenant)
    person("else@x.example", Role.VIEWER, rows.tenant("Elsewhere"))
    page = client_of(owner).get(f"/tenants/{tenant.pk}/").content.decode()
    assert "local@x.example" in page
    assert "else@x.example" not in page
    assert "1 user has access to all tenants." in page
    invite = client_of(owner).get(f"/people/invite/?tenant={tenant.pk}").content.decode()
    assert 'value="Harbour"' in invite.partition('name="tenant"')[2].partition(">")[0]
    viewer = client_of(person("viewer@x.example", Role.VIEWER, tenant))
    assert "local@x.example" not in viewer.get(f"/tenants/{tenant.pk}/").content.decode()


def test_an_invitation_to_several_tenants_counts_for_each_of_them(
    owner: User, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_limits, "TENANT", Limit("mails of", 2, timedelta(days=1)))
    tenants = [rows.tenant(name) for name in ("Harbour", "Northpark")]
    local = person("local@northpark.example", Role.ADMINISTRATOR, tenants[0])
    Membership.objects.create(user=local, tenant=tenants[1], role=Role.ADMINISTRATOR)
    client, form = client_of(local), {"role": "viewer", "tenant": ["Harbour", "Northpark"]}
    statuses = [
        client.post("/people/invite/", {**form, "address": f"u{number}@x{number}.example"}).status_code
        for number in range(3)
    ]
    assert statuses == [302, 302, 422]
    of_all = {"address": "z@z.example", "role": "viewer", "place": "all"}
    assert client_of(owner).post("/people/invite/", of_all).status_code == 302


def test_a_tenant_whose_name_another_has_too_is_invited_to_by_its_id(owner: User, rows: Rows) -> None:
    tenant, _twin = rows.tenant("Harbour"), rows.tenant("Harbour")
    page = client_of(owner).get(f"/people/invite/?tenant={tenant.pk}").content.decode()
    assert f'value="{tenant.directory_id}"' in page


def test_pages_bear_more_tenants_and_apps_than_a_condition_takes(owner: User, rows: Rows) -> None:
    tenants = Tenant.objects.bulk_create(
        [Tenant(name=f"T{number}", directory_id=f"00000000-0000-4000-8000-{number:012}") for number in range(1100)]
    )
    apps = AppRegistration.objects.bulk_create(
        [
            AppRegistration(tenant=tenants[0], name="A", client_id=f"00000000-0000-4000-8000-{number:012}")
            for number in range(1100)
        ]
    )
    Mailbox.objects.bulk_create(
        [
            Mailbox(
                tenant=tenants[0], app=app, address=f"m{number}@x.example", address_canonical=f"m{number}@x.example"
            )
            for number, app in enumerate(apps)
        ]
    )
    invitations.invite("x@x.example", {tenant.pk: Role.VIEWER for tenant in tenants}, by=None, now=timezone.now())
    client = client_of(owner)
    assert client.get(f"/tenants/{tenants[0].pk}/").status_code == 200
    assert client.get("/people/").status_code == 200
