"""Attacks on sign-in: links and codes used twice or concurrently, steps begun before a change and finished after it,
and sessions kept in a browser for later."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from uuid import uuid4

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from alertadmin.accounts import password_reset
from alertadmin.accounts.models import FirstAdministratorLink, User
from alertadmin.accounts.models.membership import make_owner
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations, users
from alertadmin.audit import AuditEntry
from alertadmin.dashboard.auth.forms import ProfileForm
from tests.accounts.oidc.conftest import OPERATORS, Entra, entra  # noqa: F401 (a fixture)
from tests.accounts.oidc.test_signing_in import give
from tests.attacks.security_key import SecurityKey
from tests.attacks.test_passkeys import add, browser
from tests.conftest import NOW, PASSWORD
from tests.helpers.login import signed_in_at
from tests.helpers.mfa import add_app, code, recovery_codes
from tests.security.route_matrix import routes

pytestmark = pytest.mark.control(121)

STEP = "/sign-in/second-step/"
OTHER = "quite another long password"
THREADS = 4


def is_in(client: Client) -> bool:
    return client.get(reverse("overview")).status_code == 200


def half_in(user: User, password: str = PASSWORD) -> Client:
    client = Client()
    form = {"username": user.email, "password": password}
    assert client.post(reverse("sign-in"), form).headers["Location"] == STEP
    return client


def at_once(act: Callable[[int], bool]) -> int:
    """How many of several threads came through."""
    together = Barrier(THREADS)

    def one(number: int) -> bool:
        together.wait()
        try:
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(one, range(THREADS)))


# Begun before a change, ended after it


def by_link(user: User) -> None:
    path = password_reset.link(user).partition("//")[2].partition("/")[2]
    assert Client().post(f"/{path}", {"password": OTHER}).status_code == 302


def by_page(user: User) -> None:
    client = signed_in_at(Client(), user)
    assert client.post(reverse("password-change"), {"password": OTHER}).status_code == 302


def by_an_owner(user: User) -> None:
    owner = User.objects.create_user("olga@northpark.example", PASSWORD)
    make_owner(owner)
    users.deactivate(user, by=owner, now=NOW)


def lost_device(user: User) -> None:
    owner = User.objects.create_user("olga@northpark.example", PASSWORD)
    make_owner(owner)
    users.reset_factors(user, by=owner)


@pytest.mark.parametrize("change", [by_link, by_page, by_an_owner, lost_device], ids=lambda one: one.__name__)
def test_a_first_step_leads_no_further_than_its_password_does(
    administrator: User, change: Callable[[User], None]
) -> None:
    """A thief who has the password, and soon a code, waits at the second step while the person helps themselves."""
    add_app(administrator)
    thief = half_in(administrator)
    change(administrator)
    entered = AuditEntry.objects.filter(act="session.signed_in", result="done").count()
    assert thief.post(STEP, {"code": code()}).status_code == 302
    assert not is_in(thief)
    thief.post(STEP, {"code": code(time.time() + 30)})
    assert not is_in(thief)
    assert AuditEntry.objects.filter(act="session.signed_in", result="done").count() == entered


def test_the_second_step_still_leads_in(administrator: User) -> None:
    add_app(administrator)
    client = half_in(administrator)
    assert client.post(STEP, {"code": code()}).headers["Location"] == "/"
    assert is_in(client)


# By several at once


@pytest.mark.django_db(transaction=True)
def test_of_several_who_use_a_reset_link_at_once_one_chooses_the_password() -> None:
    user = User.objects.create_user("ada@northpark.example", PASSWORD)
    path = password_reset.link(user).partition("//")[2].partition("/")[2]

    def use(number: int) -> bool:
        return Client().post(f"/{path}", {"password": f"{OTHER} {number}"}).status_code == 302

    assert at_once(use) == 1
    assert AuditEntry.objects.filter(act="password.changed").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_spare", [False, True], ids=["an app's code", "a recovery code"])
def test_of_several_who_use_a_code_at_once_one_comes_in(is_spare: bool) -> None:
    user = User.objects.create_user("ada@northpark.example", PASSWORD)
    add_app(user)
    clients = [half_in(user) for _number in range(THREADS)]
    shown = recovery_codes(user)[0] if is_spare else code()

    def use(number: int) -> bool:
        cache.clear()  # each as in a process of its own
        return clients[number].post(STEP, {"code": shown}).status_code == 302

    with time_machine.travel(time.time(), tick=False):
        assert at_once(use) == 1
    assert sum(map(is_in, clients)) == 1


@pytest.mark.django_db(transaction=True)
def test_recovery_codes_used_at_once_are_all_used_up() -> None:
    user = User.objects.create_user("ada@northpark.example", PASSWORD)
    add_app(user)
    clients = [half_in(user) for _number in range(THREADS)]
    spare = recovery_codes(user)[:THREADS]
    assert at_once(lambda number: clients[number].post(STEP, {"code": spare[number]}).status_code == 302) == THREADS
    assert not set(spare) & set(recovery_codes(user))


@pytest.mark.parametrize(
    "spelling",
    ["{0}", " {0} ", "{1} {2}", "{1}-{2}", "{1}.{2}", "{1}\u00a0{2}", "{1}\u200b{2}", "０{0}", "{0}\u0660"],
    ids=ascii,
)
def test_a_code_in_any_spelling_is_the_same_code(administrator: User, spelling: str) -> None:
    """It is good once, and what is no code is refused in words."""
    add_app(administrator)
    first, shown = half_in(administrator), code()
    again = half_in(administrator)
    assert first.post(STEP, {"code": shown}).status_code == 302
    cache.clear()
    answer = again.post(STEP, {"code": spelling.format(shown, shown[:3], shown[3:])})
    assert answer.status_code == 200
    assert not is_in(again)


# Held back in a browser


def by_password(user: User, client: Client) -> None:
    client.post(reverse("sign-in"), {"username": user.email, "password": PASSWORD})


def by_code(user: User, client: Client) -> None:
    add_app(user)
    by_password(user, client)
    assert client.session.session_key
    client.post(STEP, {"code": code()})


def by_spare(user: User, client: Client) -> None:
    add_app(user)
    by_password(user, client)
    client.post(STEP, {"code": recovery_codes(user)[0]})


def by_passkey(user: User, client: Client) -> None:
    key = SecurityKey()
    add(user, key)
    options = client.get(reverse("passkey-sign-in"), headers={"Accept": "application/json"}).json()["request_options"]
    client.post(reverse("passkey-sign-in"), {"credential": key.sign(options)})


def by_invitation(user: User, client: Client) -> None:
    invited = invitations.invite("new@northpark.example", {None: Role.VIEWER}, by=user, now=datetime.now(NOW.tzinfo))
    path = invited.link.partition("//")[2].partition("/")[2]
    client.post(f"/{path}", {"name": "New", "time_zone": "UTC", "password": OTHER})


def by_first_link(user: User, client: Client) -> None:
    user.delete()
    url = reverse("first-administrator", args=[FirstAdministratorLink.make(NOW)])
    client.post(url, {"email": "first@x.example", "name": "F", "time_zone": "UTC", "password": OTHER})


WAYS = [by_password, by_code, by_spare, by_passkey, by_invitation, by_first_link]


@pytest.mark.parametrize("way", WAYS, ids=lambda one: one.__name__)
def test_no_session_from_before_a_sign_in_is_worth_anything_after_it(
    administrator: User, way: Callable[[User, Client], None]
) -> None:
    """Neither its cookie, which was put into the browser by a stranger, nor its token against forged requests."""
    victim, stranger = browser(), browser()
    victim.get(reverse("passkey-sign-in"), headers={"Accept": "application/json"})
    planted = victim.cookies["session"].value
    token = victim.get(reverse("sign-in")).context["csrf_token"]
    before = victim.cookies["csrf"].value
    way(administrator, victim)
    assert is_in(victim)
    stranger.cookies["session"] = planted
    assert not is_in(stranger)
    assert victim.cookies["session"].value != planted
    assert victim.cookies["csrf"].value not in (before, str(token))


def test_no_session_from_before_a_sign_in_elsewhere_is_worth_anything_after_it(entra: Entra) -> None:  # noqa: F811
    stranger = Client()
    give(entra, OPERATORS)
    entra.begin()
    planted = entra.client.cookies["session"].value
    entra.sign_in()
    stranger.cookies["session"] = planted
    assert entra.is_in
    assert not is_in(stranger)


def test_a_password_is_taken_as_it_is_typed(db: None) -> None:
    """With the spaces around it, at the door, on the page that asks again, and by each way that sets one."""
    typed = "  spaces around a long password "
    url = reverse("first-administrator", args=[FirstAdministratorLink.make(NOW)])
    client = Client()
    client.post(url, {"email": "first@x.example", "name": "F", "time_zone": "UTC", "password": typed})
    first = User.objects.get()
    invited = invitations.invite("new@x.example", {None: Role.VIEWER}, by=first, now=datetime.now(NOW.tzinfo))
    path = invited.link.partition("//")[2].partition("/")[2]
    Client().post(f"/{path}", {"name": "New", "time_zone": "UTC", "password": typed})
    for address in ("first@x.example", "new@x.example"):
        user = User.objects.get(email=address)
        client = Client()
        client.post(reverse("sign-in"), {"username": address, "password": typed})
        assert is_in(client)
        stale = signed_in_at(Client(), user, at=0)
        assert stale.post(reverse("confirm"), {"confirm-password": typed}).status_code == 302
        for other in (typed.strip(), typed[1:]):
            assert Client().post(reverse("sign-in"), {"username": address, "password": other}).status_code == 200


# A session that was left open

LOOKING = """
    app apps app-consents audit calendar channel channels consents credential credentials deliveries delivery diagnosis
    factor-offer import-template leaving-ews mailbox mailboxes members overview person read-date review saved-views
    search security tenant tenants test-send-progress
"""
"""Posted to, they show what they show."""
LESS = "app-link-revoke calendar-revoke session-end sessions-end sign-out"
"""Takes away what leads in or shows something."""
ASKING = "confirm set_language profile list-density saved-view-change saved-view-save"
"""Asks itself; how pages speak to the person."""
ROWS_OF_TENANTS = """
    export report bulk-again bulk-job bulk-jobs bulk-select bulk-stop
    app-delete app-edit app-policy app-consents-check app-consents-stop certificate-add certificate-make
    channel-pause channel-test consent-ask consent-check consent-request consents-check consents-stop credential-add
    credential-certificate credential-delete credential-edit credential-hold credential-monitor credential-promote
    credential-replace credential-resume credential-retire delivery-arrived delivery-give-up delivery-hasten guide
    guide-application guide-check guide-consent guide-credential guide-directory guide-finish guide-mailbox guide-on
    guide-permissions guide-prove guide-scope guide-scripts guide-test import import-columns import-preview
    import-refused import-stop mailbox-leaving mailbox-scope mailbox-sign-in mailbox-sign-in-ask
    mailbox-sign-in-confirm mailbox-to-graph mailbox-want-graph register tenant-delete tenant-edit tenant-policy
    test-send
"""
"""What is watched and who is reminded of it; the end of a sign-in that this very session began, after it was asked.
A bulk action asks for a proof where the page of one row does. Where such a row is what the installation sends by,
test_03_power holds the page to an owner's fresh proof."""
NEEDS_NO_PROOF = frozenset(" ".join((LOOKING, LESS, ASKING, ROWS_OF_TENANTS)).split())
"""What an owner's session that was left open, or stolen, may post to without showing again who it is. A page that is
added asks first, or is put here with its reason."""


def test_a_session_that_was_left_open_is_asked_again_before_it_changes_a_way_in_or_power(administrator: User) -> None:
    lets = set()
    for route in routes():
        if route.declaration is None or route.declaration.is_public:
            continue
        is_number = type(route.converters.get("pk")).__name__ == "IntConverter"
        client = signed_in_at(Client(), administrator, at=time.time() - 3600)
        answer = client.post(route.address(10**9 if is_number else uuid4()))
        asks = answer.status_code == 403 and b"confirm-password" in answer.content
        if not asks and not answer.headers.get("Location", "").startswith(reverse("confirm")):
            lets.add(route.name)
    assert lets - NEEDS_NO_PROOF == set()


# What a slow request of a thief's takes back


@pytest.mark.parametrize("change", [by_link, by_page, by_an_owner], ids=lambda one: one.__name__)
def test_a_request_under_way_takes_no_change_of_the_account_back(
    administrator: User, monkeypatch: pytest.MonkeyPatch, change: Callable[[User], None]
) -> None:
    """A thief who sends their profile without pause has a request under way at any moment, the moment of the change
    too. It must not write the account back as it was read."""
    thief = signed_in_at(Client(), administrator)

    def clean(form: ProfileForm) -> None:
        change(User.objects.get(pk=administrator.pk))

    monkeypatch.setattr(ProfileForm, "clean", clean)
    thief.post(reverse("profile"), {"name": "Ada L.", "language": "en", "time_zone": "UTC"})
    found = User.objects.get(pk=administrator.pk)
    assert found.name == "Ada L."
    assert not (found.is_active and found.check_password(PASSWORD))
