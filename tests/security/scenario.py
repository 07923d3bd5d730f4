"""Two customers in one database, rows that join them, and a session for every kind of user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from uuid import uuid4

from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations
from alertadmin.bulk.models import BulkJob
from alertadmin.monitoring import worker_heartbeat
from alertadmin.outbox.models import Channel, Delivery
from alertadmin.registry.csv_import import import_steps
from alertadmin.registry.models import Consent, Mailbox, SetupProgress, SignInAudience
from alertadmin.reminders.models import CalendarFeed
from sandbox import Sandbox
from tests.conftest import hashed_password
from tests.factories import Rows, Site
from tests.helpers.login import signed_in_at
from tests.helpers.mfa import add_app
from tests.security.route_matrix import PEOPLE, Case, Person, Place, Whose

Keys = Mapping[str, object]
"""Ids of rows by model name."""


@dataclass
class World:
    """Two customers and all kinds of users."""

    own: Site
    foreign: Site
    clients: dict[Person, Client]
    cookies: dict[Person, SimpleCookie]
    keys: dict[tuple[Person, Whose], Keys]
    sandbox: Sandbox

    def ask(self, case: Case) -> HttpResponse:
        """Send the request from the initial state, and roll its changes back."""
        client, keys = self.clients[case.person], self.keys.get((case.person, case.whose), {})
        client.cookies = SimpleCookie(self.cookies[case.person].output(header="", sep=";"))
        with transaction.atomic():
            answer = client.generic(
                case.method,
                case.route.address(keys.get(case.route.model, self.absent(case))),
                content_type="application/x-www-form-urlencoded",
            )
            transaction.set_rollback(True)
        return answer  # type: ignore[return-value]

    def absent(self, case: Case) -> object:
        return 0 if case.route.has_row and case.route.converters["pk"].regex == "[0-9]+" else uuid4()


def build(rows: Rows, sandbox: Sandbox) -> World:
    """The worker has just reported, so that pages read its row instead of running the health checks."""
    own, foreign = (rows.site(sandbox, name=name, contacts=["c@x.example"]) for name in ("Northpark", "Southgate"))
    across(rows, own, foreign)
    shared = {site.tenant.pk: keys_of(site) for site in (own, foreign)}
    made = World(own, foreign, {}, {}, {}, sandbox)
    stranger_s = {**shared[foreign.tenant.pk], **keys_of_person(User.objects.create(email="else@x.example"), foreign)}
    for person in PEOPLE:
        client = Client(raise_request_exception=False)
        if person.signed_in:
            user = made_person(person, own)
            mine = keys_of_person(user, own)
            made.keys[person, Whose.OWN] = {**shared[own.tenant.pk], **mine}
            made.keys[person, Whose.FOREIGN] = stranger_s
            signed_in_at(client, user)
            client.get(reverse("profile"))
        made.clients[person], made.cookies[person] = client, client.cookies
    worker_heartbeat.beat()
    return made


def across(rows: Rows, own: Site, foreign: Site) -> None:
    """Rows that join two tenants: the provider's app, to which both have consented, and a customer's app that sends as
    a mailbox of the other."""
    provider = rows.tenant("Provider")
    app = rows.app(provider, "Everybody's", audience=SignInAudience.MULTIPLE_ORGS)
    for site in (own, foreign):
        Consent.objects.create(tenant=site.tenant, app=app, permission="Mail.Send", status="not_in_token")
        Mailbox.objects.create(tenant=site.tenant, app=app, address=f"p@{site.tenant.domain}", transport="graph")
    Mailbox.objects.create(tenant=foreign.tenant, app=own.app, address=f"a@{foreign.tenant.domain}", transport="graph")
    Mailbox.objects.create(tenant=own.tenant, app=foreign.app, address=f"b@{own.tenant.domain}", transport="graph")


def made_person(person: Person, site: Site) -> User:
    user = User.objects.create(email=f"{str(person).replace(' ', '-')}@x.example", password=hashed_password())
    if person.role:
        Membership.objects.create(
            user=user, role=person.role, tenant=None if person.place == Place.EVERYWHERE else site.tenant
        )
    return user


def keys_of(site: Site) -> dict[str, object]:
    """A row of each kind that belongs to a customer."""
    place = {"tenant": site.tenant, "app": site.app}
    channel = Channel(name="ops", service="webhook", label="Webhook", hint="hooks.example", tenant=site.tenant)
    channel.address = "https://hooks.example/token"
    channel.save()
    colleague = User.objects.create(email=f"{uuid4()}@x.example")
    Membership.objects.create(user=colleague, role=Role.VIEWER, tenant=site.tenant)
    rows: list[Model] = [
        colleague,
        invitations.invite("new@x.example", {site.tenant.pk: Role.VIEWER}, by=None, now=timezone.now()),
        site.tenant,
        site.app,
        site.credential,
        site.mailbox,
        channel,
        Consent.objects.create(**place, permission="Mail.Send", status="error", cause="role_missing"),
        Delivery.objects.create(purpose="test", dedupe_key=str(uuid4()), recipient="a@x.example", mailbox=site.mailbox),
    ]
    return {type(row).__name__: row.pk for row in rows}


def keys_of_person(user: User, site: Site) -> dict[str, object]:
    """A row of each kind that belongs to one user."""
    guide = {"tenant": site.tenant, "app": site.app, "mailbox": site.mailbox, "audience": "AzureADMyOrg"}
    kept = import_steps.keep(b"directory_id,app_name\nx,y\n", user, timezone.now())
    import_steps.check(kept, {}, timezone.now())
    job = BulkJob.objects.create(user=user, action="contacts", list_name="tenants", created_at=timezone.now())
    rows: list[Model] = [
        kept,
        job,
        SetupProgress.objects.create(person=user, **guide),
        CalendarFeed.objects.create(owner=user, digest=uuid4().hex * 2, created_at=timezone.now()),
        add_app(user),
        SocialAccount.objects.create(user=user, provider="elsewhere", uid=uuid4().hex),
        UserSession.objects.create(
            user=user, session_key=uuid4().hex, ip="127.0.0.1", last_seen_at=timezone.now(), data={}
        ),
    ]
    return {type(row).__name__: row.pk for row in rows}
