"""The lattice of power: what each page can cause when it is posted to, what that takes, and how far it leads.

An effect is what becomes of rows by an act. It is measured: `Measure` compares rows before and after, and every model
is of an effect here, so that a model that is added is measured, or named. `EFFECTS` says for each page which effects it
may have; a page that is added is entered, or a test fails. `reached` computes from both how far each role gets by any
chain of acts. tests/attacks/test_03_power.py holds all of it against what pages do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection
from django.db.models import Model

from alertadmin.accounts.access import Access
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import RIGHTS, Right, Role
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.installation_mailbox import InstallationSender
from tests.security.route_matrix import Place, routes


class Effect(StrEnum):
    ROWS = "rows of a tenant: what is registered, who is reminded of it, by which of its own mailboxes and channels"
    MAIL = "a mail or a message leaves, in the program's words"
    NOTICE = "the holder of an account is mailed about it: also what a stranger may cause, within the limits of mails"
    SECRETS = "a secret's value is shown, or a link to it made"
    ONESELF = "one's own account, sessions, factors, calendars"
    ROLES = "roles of people, and invitations to them"
    ACCOUNTS = "accounts of others: off, on, gone, without their second factor"
    SENDER = "by which mailbox the installation sends, or whether it can"
    CHANNELS = "channels of all tenants, the last resort of mails among them"
    TOLD = "who is told of all tenants, and when"
    SIGN_IN = "how people must sign in"


NEEDS: Mapping[Effect, Right] = {
    Effect.ROWS: Right.OPERATE,
    Effect.MAIL: Right.OPERATE,
    Effect.SECRETS: Right.HAND_OVER,
    Effect.ROLES: Right.PEOPLE,
    Effect.ACCOUNTS: Right.PEOPLE,
    Effect.SENDER: Right.GOVERN,
    Effect.CHANNELS: Right.GOVERN,
    Effect.TOLD: Right.GOVERN,
    Effect.SIGN_IN: Right.GOVERN,
}
"""The least right that an effect takes. What is missing takes none."""
OWNERS = frozenset(effect for effect, right in NEEDS.items() if right == Right.GOVERN)
"""Effects on all tenants at once, by which one can become, or act as, an owner: links to an owner's new password leave
by what the installation sends by."""

_R, _M = Effect.ROWS, Effect.MAIL
_SENDER = frozenset({Effect.ROWS, Effect.SENDER, Effect.MAIL})
"""Of pages that write what the mailbox rests on; owners are told by mail."""
_PEOPLE = frozenset({Effect.ROLES, Effect.ACCOUNTS, Effect.MAIL, Effect.ONESELF})
"""The person is told by mail; and one may be the person."""
_SELF = frozenset({Effect.ONESELF, Effect.MAIL})
_NONE: frozenset[Effect] = frozenset()

EFFECTS: Mapping[str, frozenset[Effect]] = {
    # At the door: an account's own, by its password, its link or its provider
    **dict.fromkeys(("sign-in", "second-step", "passkey-sign-in", "sign-in-with", "openid_connect_callback"), _SELF),
    **dict.fromkeys(("forgotten-password", "new-password", "account_login", "mfa_authenticate", "sign-out"), _SELF),
    "prove-address": frozenset({Effect.ONESELF, Effect.ROLES, Effect.MAIL}),
    "invitation-accept": frozenset({Effect.ONESELF, Effect.ROLES, Effect.MAIL}),
    "first-administrator": frozenset({Effect.ONESELF, Effect.ROLES, Effect.MAIL}),
    "secret-link": frozenset({Effect.ROWS, Effect.SECRETS, Effect.MAIL}),
    **dict.fromkeys(("healthz", "readyz", "calendar-feed", "consent-return", "set_language"), _NONE),
    # Oneself
    **dict.fromkeys(("provider-connect", "provider-disconnect", "confirm", "profile", "password-change"), _SELF),
    **dict.fromkeys(("authenticator-add", "passkey-add", "factor-remove", "recovery-codes-make", "security"), _SELF),
    **dict.fromkeys(("session-end", "sessions-end", "saved-view-save", "saved-view-change", "list-density"), _SELF),
    "factor-offer": _NONE,
    **dict.fromkeys(("calendars", "calendar-renew", "calendar-revoke"), _SELF),
    # People
    **dict.fromkeys(("person-role", "person-switch", "person-reset"), _PEOPLE),
    "person-delete": _PEOPLE | {Effect.ROWS},  # what they did names them no more
    "person-role-withdraw": frozenset({Effect.ROLES, Effect.MAIL}),
    **dict.fromkeys(("invite", "invitation-renew", "invitation-revoke"), frozenset({Effect.ROLES, Effect.MAIL})),
    "sign-in-demand": frozenset({Effect.SIGN_IN, Effect.MAIL}),
    # What is registered
    **dict.fromkeys(("tenant-edit", "import-preview", "app-edit", "app-delete", "register"), _SENDER),
    "tenant-delete": _SENDER | {Effect.ROLES},  # those in it go with it
    **dict.fromkeys(("credential-delete", "credential-replace", "credential-add", "credential-promote"), _SENDER),
    **dict.fromkeys(("certificate-add", "certificate-make", "credential-retire"), _SENDER),
    **dict.fromkeys(("credential-edit", "credential-hold", "credential-resume"), frozenset({_R, _M})),
    "credential-monitor": frozenset({_R, _M}),
    **dict.fromkeys(("mailbox-add", "mailbox-add-on-premises", "mailbox-add-personal"), _SENDER),
    **dict.fromkeys(("mailbox-edit", "mailbox-delete", "mailbox-to-graph", "mailbox-sign-in-begin"), _SENDER),
    "mailbox-sign-in-confirm": _SENDER,
    **dict.fromkeys(("mailbox-sign-in-ask", "mailbox-want-graph"), frozenset({_R})),
    **dict.fromkeys(("guide", "guide-on", "guide-directory", "guide-application"), _SENDER),
    **dict.fromkeys(("guide-mailbox", "guide-consent"), _SENDER),
    **dict.fromkeys(("guide-credential", "guide-prove"), _SENDER),
    **dict.fromkeys(("guide-permissions", "guide-check", "guide-finish"), frozenset({_R})),
    **dict.fromkeys(("guide-test", "guide-scope"), frozenset({_R, _M})),
    "guide-settings": frozenset({Effect.SECRETS, Effect.MAIL}),
    **dict.fromkeys(("app-sheet", "app-link", "app-link-revoke"), frozenset({_R, Effect.SECRETS, Effect.MAIL})),
    # Who is told, and by what
    **dict.fromkeys(("channel-add", "channel-edit", "channel-delete", "channel-pause", "channel-key"),
                    frozenset({Effect.ROWS, Effect.CHANNELS, Effect.MAIL})),
    **dict.fromkeys(("tenant-policy", "app-policy"), frozenset({_R, _M})),
    **dict.fromkeys(("policies", "watching"), frozenset({Effect.TOLD, Effect.MAIL})),
    # Asked and sent
    **dict.fromkeys(("test-send", "mailbox-scope", "channel-test"), frozenset({_R, _M})),
    **dict.fromkeys(("consents-check", "consents-stop", "app-consents-check", "app-consents-stop"), frozenset({_R})),
    **dict.fromkeys(("consent-check", "consent-request"), frozenset({_R, _M})),
    **dict.fromkeys(("delivery-hasten", "delivery-arrived", "delivery-give-up", "review"), frozenset({_R, _M})),
    **dict.fromkeys(("bulk-jobs", "bulk-select", "bulk-job", "bulk-stop", "bulk-again"), frozenset({_R, _M})),
    # Looked at
    **dict.fromkeys(("members", "person", "invitation", "overview", "tenants", "tenant", "apps", "app"), _NONE),
    **dict.fromkeys(("credentials", "credential", "credential-certificate", "import-template", "guide-scripts"), _NONE),
    **dict.fromkeys(("read-date", "mailboxes", "mailbox", "mailbox-sign-in", "mailbox-leaving", "leaving-ews"), _NONE),
    **dict.fromkeys(("channels", "channel", "consents", "consent-ask", "app-consents", "deliveries", "search"), _NONE),
    **dict.fromkeys(("delivery", "test-send-progress", "calendar", "saved-views", "diagnosis", "audit", "import",
                     "audit-export", "import-columns", "import-refused", "import-stop", "export", "report"), _NONE),
}  # fmt: skip
"""By the name of a page. What is on the record, counted or locked is no effect."""

PERSONAL = {
    "accounts.User": "pk",
    "account.EmailAddress": "user_id",
    "mfa.Authenticator": "user_id",
    "registry.MfaSecret": "person_id",
    "socialaccount.SocialAccount": "user_id",
    "usersessions.UserSession": "user_id",
    "reminders.CalendarFeed": "owner_id",
}
"""Rows of a person, and which column says whose."""
SHARED = {
    "outbox.Channel": Effect.CHANNELS,
    "reminders.Policy": Effect.TOLD,
    "reminders.Recipient": Effect.TOLD,
}
"""Rows of a tenant, or without one of all tenants."""
OF_ONE = {
    "watching.Monthly": Effect.TOLD,
    "accounts.MfaPolicy": Effect.SIGN_IN,
    "accounts.FirstAdministratorLink": Effect.ROLES,
    "accounts.Invitation": Effect.ROLES,
    "accounts.PendingRole": Effect.ROLES,
    "registry.SecretDisclosure": Effect.SECRETS,
    "registry.OneTimeLink": Effect.SECRETS,
    "outbox.Delivery": Effect.MAIL,
    "outbox.Attempt": Effect.MAIL,
    "outbox.DeliveryEntry": Effect.MAIL,
    "watching.SystemMail": Effect.MAIL,
    **dict.fromkeys(
        ("registry.Tenant", "registry.Contact", "registry.AppRegistration", "registry.Credential", "registry.Mailbox",
         "registry.DeviceCodeFlow", "registry.SetupProgress", "registry.Consent", "registry.ConsentChange",
         "registry.ConsentCallback", "registry.ConsentCheckBatch", "reminders.Reminder", "reminders.ReminderLine",
         "reminders.CalendarEntry", "reminders.Snooze", "outbox.ConsentRequest", "outbox.RenewalRequest"),
        Effect.ROWS,
    ),
}  # fmt: skip
ROLE_ROWS = ("accounts.Membership", "accounts.InvitedRole")
NO_POWER = {
    *("accounts.AuditEntry", "accounts.ThrottleCounter", "watching.Heartbeat", "watching.Ping", "reminders.Scan"),
    *("account.EmailConfirmation", "socialaccount.SocialApp", "socialaccount.SocialToken"),  # never written
    *("registry.PendingImport", "registry.KeptSecret", "auth.Permission", "auth.Group", "sessions.Session"),
    *("contenttypes.ContentType", "bulk.BulkJob", "bulk.BulkRow"),
}
TO_HOLDERS = (Purpose.ACCOUNT, Purpose.PASSWORD)
"""Mails that go to the stored address of the account they are about, and nowhere else."""
WRITES = re.compile(r'^\s*(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', re.IGNORECASE)


def measured_models() -> list[type[Model]]:
    return [one for one in apps.get_models() if one._meta.label not in NO_POWER]


@dataclass(frozen=True)
class Caused:
    """An effect of an act. Of ROLES: which role, and in which tenant (None: in all of the installation). Of ACCOUNTS:
    whose."""

    effect: Effect
    role: Role | None = None
    tenant: UUID | None = None
    person: int | None = None

    def is_within(self, access: Access, rights_of: Mapping[int, frozenset[Right]]) -> bool:
        """Whether the rights of the person who did it cover it. `rights_of`, what each person could do before."""
        need = NEEDS.get(self.effect)
        if need is None:
            return True
        if self.effect in OWNERS:
            return access.in_all_tenants(need)
        if self.effect == Effect.ACCOUNTS:
            return access.in_any_tenant(need) and any(
                rights_of.get(self.person or 0, frozenset()) <= own for own in access.rights_by_scope()
            )
        if self.role is None:
            return access.in_any_tenant(need)
        own = access.rights_in(self.tenant)
        return need in own and RIGHTS[self.role] <= own


@dataclass
class Measure:
    """What acts change. `by` is the id of the person who acts."""

    before: dict[str, dict[object, dict[str, Any]]] = field(default_factory=dict)
    sender: InstallationSender = field(default_factory=InstallationSender)
    rights: dict[int, frozenset[Right]] = field(default_factory=dict)

    @classmethod
    def begun(cls) -> Measure:
        found = cls(sender=InstallationSender.stored())
        found.before = {model._meta.db_table: _rows(model) for model in measured_models()}
        for person, role in Membership.objects.values_list("user", "role"):
            found.rights[person] = found.rights.get(person, frozenset()) | RIGHTS[Role(role)]
        return found

    def caused(self, tables: Iterable[str], by: int) -> set[Caused]:
        """By an act that wrote to these tables."""
        tables = set(tables)
        found = {
            caused
            for model in measured_models()
            if model._meta.db_table in tables
            for row, change in _changed(self.before[model._meta.db_table], _rows(model))
            for caused in _effects(model, row, by, change)
        }
        if InstallationSender.stored().differs(self.sender):
            found.add(Caused(Effect.SENDER))
        return found


def _rows(model: type[Model]) -> dict[object, dict[str, Any]]:
    return {row[model._meta.pk.attname]: row for row in model._default_manager.order_by().values()}


class Change(StrEnum):
    NEW = "new"
    OTHER = "other"
    GONE = "gone"


def _changed(before: Mapping[object, Any], after: Mapping[object, Any]) -> Iterator[tuple[dict[str, Any], Change]]:
    """Each row that is gone, another, or new: as it was, and as it is."""
    for key in before.keys() | after.keys():
        if before.get(key) != after.get(key):
            change = Change.NEW if key not in before else Change.GONE if key not in after else Change.OTHER
            yield from ((rows[key], change) for rows in (before, after) if key in rows)


def _effects(model: type[Model], row: Mapping[str, Any], by: int, change: Change) -> Iterator[Caused]:
    label = model._meta.label
    if label in PERSONAL and change == Change.GONE and row.get("tenant_id"):
        yield Caused(Effect.ROWS)  # a calendar of that tenant goes with it
    elif label in PERSONAL:
        whose = row[model._meta.pk.attname if PERSONAL[label] == "pk" else PERSONAL[label]]
        yield Caused(Effect.ONESELF) if whose == by else Caused(Effect.ACCOUNTS, person=whose)
    elif label in ROLE_ROWS:
        yield Caused(Effect.ROLES, Role(row["role"]), row["tenant_id"])
    elif label in SHARED:
        is_shared = row["tenant_id"] is None and row["app_id"] is None
        yield Caused(SHARED[label] if is_shared else Effect.ROWS)
    elif label in ("outbox.Delivery", "outbox.DeliveryEntry") and _purpose(row) in TO_HOLDERS:
        yield Caused(Effect.NOTICE)
    elif OF_ONE[label] == Effect.SECRETS and change != Change.NEW:
        yield Caused(Effect.ROWS)  # a link is ended, or forgets who made it
    else:
        yield Caused(OF_ONE[label])


def _purpose(row: Mapping[str, Any]) -> str | None:
    """Of a delivery, or of what one tells of besides."""
    if "purpose" in row:
        return str(row["purpose"])
    return Delivery.objects.filter(pk=row["delivery_id"]).values_list("purpose", flat=True).first()


def declares(page: str, effect: Effect) -> bool:
    """A page that may cause mail may cause that mail too."""
    return effect in EFFECTS[page] or (effect == Effect.NOTICE and Effect.MAIL in EFFECTS[page])


def written(act: Callable[[], object]) -> set[str]:
    """The tables that an act wrote to."""
    tables: set[str] = set()

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if match := WRITES.match(sql):
            tables.add(match[1])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        act()
    return tables


# How far one gets

Holding = frozenset[tuple[Place, Right]]
"""What one may do, and where."""


def holding(role: Role, place: Place) -> Holding:
    """A role everywhere counts in each tenant too."""
    places = list(Place) if place == Place.EVERYWHERE else [place]
    return frozenset((one, right) for one in places for right in RIGHTS[role])


def acts(
    needs: Mapping[Effect, Right] = NEEDS, unasked: tuple[str, Effect] | None = None
) -> list[tuple[Effect, Place, Right]]:
    """Each effect that a page has, where, and the right that it takes: the page's own, and the effect's unless the page
    does not ask for it (`unasked`)."""
    found = set()
    for route in routes():
        declared = route.declaration
        if declared is None or declared.write_right is None:
            continue
        for effect in EFFECTS[route.name]:
            if (route.name, effect) != unasked:
                # The stronger of both; GOVERN comes with everything.
                right = needs.get(effect, declared.write_right)
                place = Place.EVERYWHERE if declared.in_all_tenants or right == Right.GOVERN else Place.ONE_TENANT
            else:
                right, place = declared.write_right, Place.EVERYWHERE if declared.in_all_tenants else Place.ONE_TENANT
            found.add((effect, place, right))
    return sorted(found)


def reached(start: Holding, pages: Iterable[tuple[Effect, Place, Right]]) -> Holding:
    """All that one can come to by any chain of acts, of one's own or of accounts that one made."""
    pages, held = list(pages), start
    while True:
        gained = held
        for effect, place, right in pages:
            if (place, right) not in held:
                continue
            if effect in OWNERS:
                gained |= holding(Role.OWNER, Place.EVERYWHERE)
            if effect in (Effect.ROLES, Effect.ACCOUNTS):
                within = (holding(role, where) for role in Role for where in Place)
                gained |= frozenset().union(*(one for one in within if one <= held))
        if gained == held:
            return held
        held = gained
