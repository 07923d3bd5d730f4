"""Item 9: an address is proven by a link that was mailed to it, and a role in the whole installation waits for that.

A tenant administrator invited newhire@corp.example, opened the link, set a password; later the owner gave that account
a role everywhere.
"""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts import password_reset
from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import Invitation
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.models.pending_role import GOOD_FOR, PendingRole, find
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations, role_grants, users
from alertadmin.audit import AuditAction, AuditEntry
from alertadmin.outbox import mail_limits
from alertadmin.outbox.mails import address_proof, composers
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.models import Delivery, Purpose
from tests.accounts.oidc.conftest import OPERATORS, Entra, entra  # noqa: F401 (a fixture)
from tests.attacks.proven_address.conftest import NEW, NEWHIRE, accept, give, path, proof, refreshed, roles
from tests.conftest import PASSWORD, hashed_password
from tests.factories import Rows
from tests.helpers.login import signed_in_at

pytestmark = pytest.mark.control(105, 106)


# A role everywhere waits for it


def test_09_the_squatter_gets_no_role_everywhere(owner: User, newhire: User) -> None:
    squatter = signed_in_at(Client(), newhire)
    said = give(owner, newhire)
    assert "pending" in said
    assert "A link was sent to it;" in said
    assert roles(newhire) == []
    squatter.get("/")
    assert squatter.get("/people/").status_code == 403
    mail = Delivery.objects.get(purpose=Purpose.PROOF)
    assert mail.recipient == NEWHIRE
    # Who reads the mailbox, and does not know the password, chooses another: then nothing of the squatter's leads in.
    stranger = Client()
    assert "Sign in to the account" in stranger.get(proof(newhire)).content.decode()
    to_password = stranger.post(proof(newhire))
    assert roles(newhire) == []
    stranger.post(path(to_password.headers["Location"]), {"password": NEW})
    assert roles(newhire) == [("administrator", True)]
    assert squatter.get("/people/").status_code == 302
    assert not Client().login(username=NEWHIRE, password=PASSWORD)


def test_09_who_is_signed_in_confirms_and_ends_other_sessions(owner: User, newhire: User) -> None:
    other, mine = signed_in_at(Client(), newhire), signed_in_at(Client(), newhire)
    for client in (other, mine):
        client.get("/")
    give(owner, newhire)
    assert roles(newhire) == []
    mine.get(proof(newhire))
    assert roles(newhire) == [], "looking changes nothing"
    answer = mine.post(proof(newhire), follow=True)
    assert "Your address is confirmed" in answer.content.decode()
    assert roles(newhire) == [("administrator", True)]
    assert [one.session_key for one in UserSession.objects.filter(user=newhire)] == [mine.session.session_key]
    assert not PendingRole.objects.exists()


def test_09_a_squatters_passkey_is_shown_before_it_is_confirmed(owner: User, newhire: User) -> None:
    Authenticator.objects.create(user=newhire, type=Authenticator.Type.WEBAUTHN, data={"name": "squatter's key"})
    give(owner, newhire)
    page = signed_in_at(Client(), newhire).get(proof(newhire)).content.decode()
    assert "If one of them is not yours, do not confirm" in page


@pytest.mark.parametrize("who", ["the giver", "a stranger with the link and another account"])
def test_09_no_other_person_confirms(owner: User, newhire: User, who: str) -> None:
    give(owner, newhire)
    other = owner if who == "the giver" else User.objects.create(email="eve@corp.example", password=hashed_password())
    client = signed_in_at(Client(), other)
    assert "You are signed in as" in client.get(proof(newhire)).content.decode()
    client.post(proof(newhire))
    assert (roles(newhire), roles(other)) == ([], [("owner", True)] if other == owner else [])
    assert not refreshed(newhire).is_proven


@pytest.mark.parametrize(
    ("role", "held", "is_proven", "waits"),
    [
        (Role.VIEWER, None, False, True),
        (Role.OWNER, None, False, True),
        (Role.OWNER, None, True, False),
        (Role.OWNER, Role.VIEWER, False, True),
        (Role.VIEWER, Role.OPERATOR, False, False),
        (Role.AUDITOR, Role.OPERATOR, False, True),
    ],
)
def test_09_what_waits(owner: User, newhire: User, role: Role, held: Role | None, is_proven: bool, waits: bool) -> None:
    if held:
        Membership.objects.create(user=newhire, role=held)
    if is_proven:
        by_reset_of(newhire)
    users.set_role(newhire, None, role, by=owner)
    assert PendingRole.objects.filter(user=newhire, role=role).exists() == waits
    assert roles(newhire) == ([(held, True)] if held else []) if waits else [(role, True)]


def by_reset_of(user: User) -> None:
    Client().post(path(password_reset.link(user)), {"password": NEW})
    user.refresh_from_db()


def test_09_a_role_in_one_tenant_waits_for_nothing(owner: User, newhire: User, rows: Rows) -> None:
    assert users.set_role(newhire, rows.tenant().pk, Role.ADMINISTRATOR, by=owner)
    assert roles(newhire) == [("administrator", False)]


def test_09_a_group_of_the_provider_needs_no_proof_and_a_person_does(owner: User, entra: Entra) -> None:  # noqa: F811
    entra.sandbox.directory.set_groups(entra.person.object_id, [OPERATORS])
    entra.sign_in()
    user = User.objects.get(made_by="northpark")
    assert (roles(user), user.is_proven) == ([("operator", True)], False)
    assert "pending" in give(owner, user)
    assert roles(user) == [("operator", True)]


# Each door


def test_09_an_invitation_by_the_shown_link_gives_no_role_everywhere(owner: User, rows: Rows) -> None:
    places = {None: Role.OPERATOR, rows.tenant().pk: Role.VIEWER}
    invitation = invitations.invite(NEWHIRE, places, by=owner, now=timezone.now())
    user = accept(invitation.shown_link)
    assert roles(user) == [("viewer", False)]
    assert Delivery.objects.get(purpose=Purpose.PROOF).recipient == NEWHIRE
    page = signed_in_at(Client(), user).get("/").content.decode()
    assert "Your role in all tenants is pending:" in page


def test_09_an_invitation_of_an_existing_account_too(owner: User, newhire: User) -> None:
    invitation = invitations.invite(NEWHIRE, {None: Role.OWNER}, by=owner, now=timezone.now())
    client = signed_in_at(Client(), newhire)
    client.post(path(invitation.shown_link))
    assert (roles(newhire), PendingRole.objects.get().role) == ([], Role.OWNER)
    again = invitations.invite(NEWHIRE, {None: Role.OWNER}, by=owner, now=timezone.now())
    client.post(path(again.link))
    assert roles(newhire) == [("owner", True)]
    assert not PendingRole.objects.exists()


def test_09_the_console_vouches(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("invite", NEWHIRE, "--role", "owner")
    user = accept(capsys.readouterr().out.strip().splitlines()[-1])
    assert (roles(user), refreshed(user).is_proven) == ([("owner", True)], True)


def test_09_a_link_of_an_earlier_release_proves_nothing(owner: User) -> None:
    """Its maker may have seen it."""
    from django.core.signing import Signer

    invitation = invitations.invite(NEWHIRE, {None: Role.OWNER}, by=owner, now=timezone.now())
    old = reverse("invitation-accept", args=[Signer(salt="alertadmin.accounts.invitation").sign(invitation.key)])
    user = accept(old)
    assert (roles(user), refreshed(user).is_proven) == ([], False)


# While it waits


def test_09_it_is_shown_and_withdrawn(owner: User, newhire: User) -> None:
    link = (give(owner, newhire), proof(newhire))[1]
    client = signed_in_at(Client(), owner)
    page = client.get(newhire.get_absolute_url()).content.decode()
    assert "Waiting for a confirmed address: Administrator, all tenants." in page
    assert "pending" in client.get("/people/").content.decode()
    assert link not in page
    client.post(reverse("person-role-withdraw", args=[newhire.pk]))
    assert signed_in_at(Client(), newhire).post(link).status_code == 404
    assert (roles(newhire), refreshed(newhire).is_proven) == ([], False)
    acts = AuditEntry.objects.filter(act__startswith="person.role_").order_by("number").values_list("act", flat=True)
    assert list(acts) == [AuditAction.PERSON_ROLE_PENDING, AuditAction.PERSON_ROLE_WITHDRAWN]


def test_09_it_expires_and_another_link_ends_the_first(owner: User, newhire: User) -> None:
    give(owner, newhire)
    first = proof(newhire)
    give(owner, newhire)
    token = proof(newhire).rstrip("/").rpartition("/")[2]
    assert Client().get(first).status_code == 404
    made = PendingRole.objects.get().made_at
    assert find(token, made + GOOD_FOR - timedelta(seconds=1))
    assert find(token, made + GOOD_FOR) is None
    PendingRole.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    assert signed_in_at(Client(), newhire).post(proof(newhire)).status_code == 404
    by_reset_of(newhire)
    assert (roles(newhire), newhire.is_proven) == ([], True)


@pytest.mark.parametrize("what", ["lost the right", "was switched off", "was deleted"])
def test_09_its_giver_must_still_be_able_to_give_it(owner: User, newhire: User, what: str) -> None:
    giver = User.objects.create(email="giver@corp.example", password=hashed_password())
    Membership.objects.create(user=giver, role=Role.ADMINISTRATOR)
    give(giver, newhire)
    link = proof(newhire)
    if what == "lost the right":
        users.set_role(giver, None, Role.VIEWER, by=owner)
    elif what == "was switched off":
        users.deactivate(giver, by=owner, now=timezone.now())
    else:
        users.remove(giver, by=owner)
    signed_in_at(Client(), newhire).post(link)
    assert roles(newhire) == []


def test_09_a_changed_address_ends_the_link(owner: User, newhire: User) -> None:
    give(owner, newhire)
    newhire.email = "other@corp.example"
    newhire.save()
    assert signed_in_at(Client(), newhire).post(proof(newhire)).status_code == 404
    mail = Delivery.objects.get(purpose=Purpose.PROOF)
    assert isinstance(composers.compose(mail, timezone.now()), Obsolete)


def test_09_an_owners_pending_role_is_not_changed_by_an_administrator(owner: User, newhire: User) -> None:
    give(owner, newhire, Role.OWNER)
    lesser = User.objects.create(email="lesser@corp.example", password=hashed_password())
    Membership.objects.create(user=lesser, role=Role.ADMINISTRATOR)
    give(lesser, newhire, Role.VIEWER)
    signed_in_at(Client(), lesser).post(reverse("person-role-withdraw", args=[newhire.pk]))
    assert PendingRole.objects.get().role == Role.OWNER


def test_09_the_mail_holds_the_link_on_the_wire_alone(owner: User, newhire: User) -> None:
    owner.name = "ACTION REQUIRED https://evil.example"
    owner.save()
    give(owner, newhire)
    mail = Delivery.objects.get(purpose=Purpose.PROOF)
    words = composers.compose(mail, timezone.now())
    assert isinstance(words, Content)
    link = PendingRole.objects.get().link
    assert link not in words.text
    assert link in composers.fill_placeholders(mail, words.text)
    assert "evil.example" not in words.text
    assert mail.dedupe_key.startswith(address_proof.PREFIX)


def test_09_many_proofs_send_few_mails(owner: User, newhire: User) -> None:
    said = [give(owner, newhire) for _again in range(mail_limits.RECIPIENT.most + 3)]
    assert Delivery.objects.filter(purpose=Purpose.PROOF).count() == mail_limits.RECIPIENT.most
    assert "Nothing was sent" in said[-1]


# No maker without a role everywhere sees a link


def test_09_no_page_shows_a_mailed_link_and_none_a_link_to_people_of_one_tenant(owner: User, rows: Rows) -> None:
    tenant = rows.tenant()
    local = User.objects.create(email="local@corp.example", password=hashed_password())
    Membership.objects.create(user=local, role=Role.ADMINISTRATOR, tenant=tenant)
    client = signed_in_at(Client(), local, time.time())
    client.post(reverse("invite"), {"address": NEWHIRE, "role": "viewer", "place": "some", "tenant": str(tenant.pk)})
    made = Invitation.objects.get()
    pages = [reverse("invitation", args=[made.pk]), "/people/", "/deliveries/", "/audit/", "/"]
    shown = [client.post(reverse("invitation-renew", args=[made.pk]), follow=True).content.decode()]
    made.refresh_from_db()
    shown += [client.get(one).content.decode() for one in pages]
    owners = signed_in_at(Client(), owner)
    seen = "".join(owners.get(one).content.decode() for one in pages)
    tokens = {link: link.rstrip("/").rpartition("/")[2] for link in (made.link, made.shown_link)}
    assert not [token for token in tokens.values() if token in "".join(shown)]
    assert tokens[made.link] not in seen
    assert tokens[made.shown_link] in seen
    told = " ".join(str(one.details) for one in AuditEntry.objects.all())
    assert not [token for token in tokens.values() if token in told]


def test_09_an_acceptance_is_recorded_mailed_and_shown(owner: User) -> None:
    invitation = invitations.invite(NEWHIRE, {None: Role.OPERATOR}, by=owner, now=timezone.now())
    user = accept(invitation.link)
    entry = AuditEntry.objects.get(act=AuditAction.PERSON_ACCEPTED)
    assert (entry.object_id, entry.details["entry"], entry.details["role"]) == (
        str(user.pk),
        str(invitation.pk),
        ["operator"],
    )
    mails = Delivery.objects.filter(purpose=Purpose.ACCOUNT)
    assert [one.recipient for one in mails] == [NEWHIRE]
    words = composers.compose(mails[0], mails[0].created_at)
    assert isinstance(words, Content)
    assert "An invitation to you was accepted" in words.text
    page = signed_in_at(Client(), owner).get(reverse("invitation", args=[invitation.pk])).content.decode()
    assert "The address is confirmed." in page
    assert role_grants.pending_roles(user, timezone.now()) is None
