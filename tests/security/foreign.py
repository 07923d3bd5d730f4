"""One customer's rows, and beside them a row of every model that is not theirs, with a canary in each of its text
columns: other tenants' and the installation's own.

Built from the model registry, so a model that is added is covered by itself. What joins two tenants is there too: own
mailboxes through apps of others, own deliveries tried by others' mailboxes, acts of the installation's people on own
rows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.db import models
from django.db.models import Model, Q, QuerySet
from django.test import Client
from django.utils import timezone

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations
from alertadmin.crypto.fields import EncryptedField
from alertadmin.outbox.models import Attempt, Channel, ConsentRequest, Delivery
from alertadmin.registry import guid
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import (
    AppRegistration,
    Consent,
    ConsentCallback,
    Mailbox,
    OneTimeLink,
    SecretDisclosure,
    Tenant,
)
from alertadmin.reminders.models import CalendarFeed, Recipient, Reminder, ReminderLine, Snooze
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.conftest import hashed_password
from tests.factories import Rows, Site
from tests.helpers.login import signed_in_at
from tests.security.scenario import keys_of, keys_of_person

CANARY = re.compile(r"zq\d{5}q|[0-9a-f]{8}-cafe-4caf-8caf-cafecafecafe")
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
WORD = "zq"
"""In every canary, and in nothing else here: who searches for it finds foreign rows or none."""
SHORTEST = 8
"""Characters of a canary: a shorter column holds a code."""
OTHERS = ("auth", "contenttypes", "sessions")
"""Django's own apps: no row of them is shown."""
SEEN_IN_THEIR_DIRECTORY = ("name", "client_id", "redirect_uri")
"""Of another tenant's app that sends in theirs: a customer's administrators find all three in their own directory,
under enterprise applications, and the link by which they grant consent names the last two."""
ROLES = (Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR, Role.AUDITOR)
TEXT = (models.CharField, models.TextField, models.JSONField, models.EmailField, models.URLField)
BY_NAME: dict[type[Model], tuple[str, ...]] = {
    Snooze: ("by_name",),
    SecretDisclosure: ("by_name",),
    OneTimeLink: ("by_name",),
    ConsentRequest: ("by_name",),
}
"""Rows about own things that people of the installation wrote: these columns name them."""


@dataclass
class Foreign:
    own: Site
    other: Site
    clients: dict[Role, Client]
    people: dict[Role, User]
    keys: dict[Role, dict[str, list[object]]]
    """The ids of own rows, by role and the name of their model."""
    tokens: dict[str, str]
    """By the name of a page that needs one."""
    foreign: dict[type[Model], set[object]] = field(default_factory=dict)
    """The keys of all other rows, of every model."""

    def rows(self, model: type[Model]) -> QuerySet[Any]:
        return model._default_manager.filter(pk__in=self.foreign[model])

    @property
    def ids(self) -> set[str]:
        return {str(key) for keys in self.foreign.values() for key in keys if isinstance(key, UUID)}

    def leaked(self, answer: str, asked: str = "") -> list[str]:
        """What of others stands in an answer and did not in the question."""
        found = set(CANARY.findall(answer)) | (set(UUIDS.findall(answer)) & self.ids)
        return sorted(word for word in found if word not in asked)

    def a_foreign(self, name: str) -> str:
        """The id of a foreign row of the model that a form's field is of; empty if it is of none."""
        named = {"take": "Tenant", "person": "User"}.get(name, name.replace("_", ""))
        model = next(
            (one for one in self.foreign if one.__name__.lower() in (named.lower(), f"{named}registration")), None
        )
        key = next(iter(sorted(map(str, self.foreign[model]))), "") if model else ""
        return str(self.other.tenant.pk) if model and model.__name__ == "Tenant" else key


def some_or_all(*roles: Role) -> list[Any]:
    """For a walk: these roles with a row of each shape; in the long run every role with every row."""
    some = [pytest.param(role, True, id=f"{role}, a row of each shape") for role in roles]
    return some + [pytest.param(role, False, id=f"{role}, every row", marks=pytest.mark.slow) for role in ROLES]


def all_models() -> list[type[Model]]:
    return [model for model in apps.get_models() if model._meta.app_label not in OTHERS and not model._meta.proxy]


def build(rows: Rows, sandbox: Sandbox, *, has_canaries: bool = True) -> Foreign:
    """Without canaries, pages of foreign rows work for people who may see them."""
    own = rows.site(sandbox, name="Northpark", contacts=["contact@northpark.example"], days=20)
    keys_of(own)
    clients: dict[Role, Client] = {}
    people: dict[Role, User] = {}
    keys: dict[Role, dict[str, list[object]]] = {}
    for role in ROLES:
        user = User.objects.create(email=f"{role}@northpark.example", password=hashed_password())
        Membership.objects.create(user=user, role=role, tenant=own.tenant)
        keys_of_person(user, own)
        clients[role], people[role] = signed_in_at(Client(raise_request_exception=False), user), user
    mine = {model: set(model._default_manager.values_list("pk", flat=True)) for model in all_models()}

    other = rows.site(sandbox, name="Southgate", contacts=["contact@southgate.example"], days=20)
    keys_of(other)
    staff = User.objects.create(email="staff@provider.example", name="Stella Staff", password=hashed_password())
    Membership.objects.create(user=staff, role=Role.OWNER)
    keys_of_person(staff, other)
    _installations_own(staff)
    mine_too = list(_joined(rows, own, other, staff))
    sync_required_consents(AppRegistration.objects.all())
    scanner.run(rows.now)
    for model, key in _owns(own, mine_too):
        mine[model].add(key)
    made = Foreign(own, other, clients, people, keys, {})
    for model in all_models():
        if not model._default_manager.exclude(pk__in=mine[model]).exists():
            _make(model, mine)
        made.foreign[model] = set(model._default_manager.exclude(pk__in=mine[model]).values_list("pk", flat=True))
    if has_canaries:
        _fill(made, mine_too)
    _act_on_own(own, other, staff, rows)
    for role, user in people.items():
        keys[role] = _keys(mine, user)
    feed = CalendarFeed(owner=people[Role.VIEWER], created_at=timezone.now())
    made.tokens["calendar-feed"] = feed.give_token(timezone.now())
    feed.save()
    return made


def _keys(mine: dict[type[Model], set[object]], user: User) -> dict[str, list[object]]:
    """The ids of rows of the tenant; of what is a person's own, theirs alone."""
    found: dict[str, list[object]] = defaultdict(list)
    for model, pks in mine.items():
        own = model._default_manager.filter(pk__in=pks)
        if model is Consent:
            own = own.filter(tenant__in=mine[Tenant])
        for one in model._meta.concrete_fields:
            if model is not Membership and one.related_model is User and one.name in ("person", "owner", "user"):
                own = own.filter(**{one.name: user})
        found[model.__name__] = list(own.order_by("pk").values_list("pk", flat=True))
    return found


def _installations_own(staff: User) -> None:
    """What is of no tenant and touches all of them."""
    for name, line, last in (("house first", 1, False), ("house next", 2, False), ("house last", None, True)):
        channel = Channel(name=name, service="webhook", label="Webhook", hint="hooks.example", line=line)
        channel.is_last_resort = last
        channel.address = "https://hooks.example/house"
        channel.save()
    for number, line in enumerate((1, 2)):
        Recipient.objects.create(email=f"house{number}@provider.example", line=line)
    Delivery.objects.create(purpose="house", dedupe_key=uuid4().hex, recipient=staff.email)


def _joined(rows: Rows, own: Site, other: Site, staff: User) -> Iterator[Model]:
    """Own rows that point at others'."""
    provider = rows.tenant("Provider", contacts=["desk@provider.example"])
    shared = rows.app(provider, "Everybody's", audience="AzureADMultipleOrgs", permissions=["full_access_as_app"])
    rows.credential(shared, days=9)
    for app, transport in ((shared, "graph"), (shared, "ews"), (other.app, "ews")):
        yield Mailbox.objects.create(
            tenant=own.tenant, app=app, address=f"{uuid4().hex[:6]}@{own.tenant.domain}", transport=transport
        )
    Mailbox.objects.create(tenant=other.tenant, app=own.app, address=f"theirs@{other.tenant.domain}", transport="graph")
    for app in (shared, other.app):
        for tenant in (own.tenant, other.tenant):
            made, _new = Consent.objects.get_or_create(
                tenant=tenant, app=app, permission="full_access_as_app", defaults={"status": "not_in_token"}
            )
            if tenant == own.tenant:
                yield made
    consent = Consent.objects.filter(tenant=own.tenant, app=own.app).first()
    yield ConsentCallback.objects.create(consent=consent, outcome="declined", by=staff, at=rows.now)
    yield ConsentRequest.objects.create(
        app=own.app, tenant=own.tenant, recipient="admin@northpark.example", by=staff, by_name="S", at=rows.now,
        permissions=["Mail.Send"],
    )  # fmt: skip
    held = rows.credential(own.app, description="snoozed", state="next", days=40)
    yield held
    yield Snooze.objects.create(
        credential=held, expires_at=held.expires_at, kind="acknowledged", by=staff, by_name="S",
        until=timezone.now() + timedelta(days=5), created_at=rows.now,
    )  # fmt: skip
    old = rows.credential(own.app, description="shown once", state="retired")
    yield old
    yield SecretDisclosure.objects.create(credential=old, by=staff, by_name="S", reason="asked for", at=rows.now)
    invitation = invitations.invite("more@x.example", {own.tenant.pk: Role.VIEWER}, by=staff, now=timezone.now())
    yield invitation
    yield from invitation.roles.all()
    link = OneTimeLink(credential=own.credential, recipient="Otto", reason="the PLC", by=staff)
    link.by_name, link.made_at, link.ends_at = "S", rows.now, timezone.now() + timedelta(days=1)
    link.digest = uuid4().hex * 2
    link.save()
    yield link


def _owns(own: Site, joined: list[Model]) -> Iterator[tuple[type[Model], object]]:
    """Those, what was noted as wanted for the tenant, and what the scan wrote to its own people and channels."""
    yield from ((type(row), row.pk) for row in joined)
    for consent in Consent.objects.filter(tenant=own.tenant):
        yield Consent, consent.pk
    theirs = ["contact@northpark.example", "a@x.example"]
    for delivery in Delivery.objects.filter(recipient__in=theirs).exclude(mailbox__tenant__name="Southgate"):
        yield Delivery, delivery.pk
    for delivery in Delivery.objects.filter(channel__tenant=own.tenant):
        yield Delivery, delivery.pk
    for reminder in Reminder.objects.filter(tenant=own.tenant):
        yield Reminder, reminder.pk
    for notice in ReminderLine.objects.filter(reminder__tenant=own.tenant):
        yield ReminderLine, notice.pk
    for consent in Consent.objects.filter(app=own.app):
        yield Consent, consent.pk  # what an app wants in every tenant follows from the app


def _act_on_own(own: Site, other: Site, staff: User, rows: Rows) -> None:
    """Own deliveries tried by others' routes, the last try in vain; own rows changed by people of the installation."""
    staff.refresh_from_db()
    foreign_mailbox = Mailbox.objects.get(pk=other.mailbox.pk)
    house = Channel.objects.get(is_last_resort=True)
    for delivery in Delivery.objects.filter(purpose="reminder", recipient="contact@northpark.example"):
        for number, (mailbox, channel) in enumerate(((foreign_mailbox, None), (None, house), (None, None)), 1):
            said = f"zq{90000 + number}q"
            Attempt.objects.create(
                delivery=delivery, number=number, owner=uuid4(), route=f"{mailbox or channel or said} by {said}",
                mailbox=mailbox, channel=channel, transport="graph" if mailbox else "relay", started_at=rows.now,
                outcome="refused", technical=said, cause="secret_expired", request_ids={said: said}, endpoint=said,
            )  # fmt: skip
        delivery.state, delivery.cause, delivery.reason = "pending", "secret_expired", "zq90009q: invalid client secret"
        delivery.save()
    with audit.record_change(audit.AuditAction.TENANT_CHANGED, own.tenant):
        pass
    for tenant in (own.tenant, other.tenant, None):
        audit.record(audit.AuditAction.TENANT_CHANGED, tenant, by=staff)
    other.mailbox.refresh_from_db()
    audit.record(audit.AuditAction.MAILBOX_CHANGED, other.mailbox, by=staff)


def _make(model: type[Model], mine: dict[type[Model], set[object]]) -> Model:
    """A row of a model that nothing above made: related rows are others' too."""
    values = {
        one.name: _value(one, mine)
        for one in model._meta.concrete_fields
        if not (one.has_default() or one.null or one.blank or isinstance(one, models.AutoField))
    }
    if any(isinstance(one, models.CheckConstraint) and one.condition == Q(pk=1) for one in model._meta.constraints):
        values["pk"] = 1  # there is one row at most
    return model._default_manager.create(**values)


def _value(one: models.Field[Any, Any], mine: dict[type[Model], set[object]]) -> Any:
    if isinstance(one, models.ForeignKey):
        related: Any = one.related_model
        found = related._default_manager.exclude(pk__in=mine.get(related, ()))
        if one.unique:
            found = found.exclude(pk__in=one.model._default_manager.values(one.attname))
        return found.first() or _make(related, mine)
    if one.choices:
        return one.flatchoices[0][0]
    made: dict[str, Any] = {
        "DateTimeField": timezone.now(),
        "UUIDField": uuid4(),
        "GenericIPAddressField": "127.0.0.9",
        "PositiveIntegerField": 1,
        "BigIntegerField": 1,
    }
    return made.get(one.get_internal_type(), uuid4().hex[: one.max_length or 32])


def _fill(made: Foreign, joined: list[Model]) -> None:
    """A canary in each text column of each foreign row; in what others wrote about own rows, where it names them."""
    sent_through = set(Mailbox.objects.filter(tenant=made.own.tenant).values_list("app", flat=True))
    count = 0
    for model, keys in made.foreign.items():
        if model is audit.AuditEntry:
            continue  # no row of it can be changed: it is written after this
        for key in keys:
            kept = SEEN_IN_THEIR_DIRECTORY if model is AppRegistration and key in sent_through else ()
            count = _sing(model, key, [one for one in text_columns(model) if one.name not in kept], count)
    for row in joined:
        if names := BY_NAME.get(type(row)):
            count = _sing(type(row), row.pk, [one for one in text_columns(type(row)) if one.name in names], count)


def text_columns(model: type[Model]) -> list[models.Field[Any, Any]]:
    return [
        one
        for one in model._meta.concrete_fields
        if isinstance(one, TEXT)
        and not isinstance(one, EncryptedField)
        and not (one.choices or one.primary_key or (one.max_length or SHORTEST) < SHORTEST)
    ]


def _sing(model: type[Model], key: object, columns: list[models.Field[Any, Any]], count: int) -> int:
    values: dict[str, Any] = {}
    for one in columns:
        count += 1
        values[one.name] = _canary(one, f"{WORD}{count:05}q", count)
    model._default_manager.filter(pk=key).update(**values)
    return count


def _canary(one: models.Field[Any, Any], word: str, count: int) -> Any:
    if isinstance(one, guid.GuidField) or one.name == "directory_id":
        return f"{count:08x}-cafe-4caf-8caf-cafecafecafe"
    if isinstance(one, models.JSONField):
        kind = one.get_default()
        return (
            [{"step": word, "ms": 1, "detail": word}] if one.name == "steps" else [word] if kind == [] else {word: word}
        )
    if isinstance(one, models.EmailField) or one.name == "recipient":
        return f"{word}@{word}.example"
    return f"https://{word}.example/" if isinstance(one, models.URLField) else word
