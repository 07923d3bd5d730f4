"""Find rows of every kind by a term: a name, an address, an ID."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.access import Access
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.ui.search import containing
from alertadmin.outbox.models import Channel
from alertadmin.registry.folded_text import fold
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, Tenant

SHOWN = 6
"""Rows of a kind; its list shows all."""
LONGEST = 100
QUOTES = "{}\"'“”«»`<>() "
"""Around a pasted ID or address."""


@dataclass(frozen=True)
class SearchedKind:
    label: str | Promise
    list: str
    """URL name of its list."""
    rows: Callable[[], QuerySet[Any]]
    columns: tuple[str, ...]
    """Searched columns of its own table."""
    order: str
    below: Callable[[Any], str]
    """What else tells a row apart: its app or tenant."""
    right: Right = Right.LOOK


@dataclass(frozen=True)
class Hit:
    row: Model
    below: str


@dataclass(frozen=True)
class HitGroup:
    kind: SearchedKind
    hits: list[Hit]
    has_more: bool

    @property
    def url(self) -> str:
        return reverse(self.kind.list)


KINDS = (
    SearchedKind(
        _("Tenants"),
        "tenants",
        Tenant.objects.all,
        ("name", "domain", "directory_id"),
        "name",
        lambda one: str(one.domain or one.directory_id),
    ),
    SearchedKind(
        _("App registrations"),
        "apps",
        lambda: AppRegistration.objects.select_related("tenant"),
        ("name", "client_id"),
        "name",
        lambda one: str(one.tenant),
    ),
    SearchedKind(
        _("Secrets"),
        "credentials",
        lambda: Credential.objects.select_related("app__tenant").defer("value", "certificate"),
        ("description", "key_id"),
        "description",
        lambda one: f"{one.app} · {one.app.tenant}",
    ),
    SearchedKind(
        _("Mailboxes"),
        "mailboxes",
        lambda: Mailbox.objects.select_related("tenant").defer("password", "refresh_token"),
        ("address",),
        "address",
        lambda one: str(one.tenant),
    ),
    SearchedKind(
        _("Channels"),
        "channels",
        lambda: Channel.objects.select_related("tenant").defer("address", "signing_key"),
        ("name", "label"),
        "name",
        lambda one: str(one.label),
    ),
    SearchedKind(
        _("Users"), "members", User.objects.all, ("email", "name"), "email", lambda one: one.name, Right.PEOPLE
    ),
)


def clean_term(text: str) -> str:
    """The term without what is pasted around it."""
    return text.replace("\0", "").strip(QUOTES)[:LONGEST].strip()


def find(term: str, access: Access) -> Iterator[HitGroup]:
    """One query for each kind. Rows that begin with the term come first."""
    for kind in KINDS:
        condition = containing(kind.rows().model, kind.columns, term)
        if condition is None or not access.in_any_tenant(kind.right):
            continue
        matching = access.visible(kind.rows(), kind.right).filter(condition).order_by(kind.order, "pk")
        rows = list(matching[: SHOWN * 5])
        if rows:
            best = sorted(rows, key=lambda row: _rank(row, kind, fold(term)))
            hits = [Hit(row, kind.below(row)) for row in best[:SHOWN]]
            yield HitGroup(kind, hits, len(rows) > SHOWN)


def _rank(row: Model, kind: SearchedKind, folded: str) -> int:
    """0: equal; 1: begins with it; 2: contains it."""
    texts = [fold(str(getattr(row, name))) for name in kind.columns]
    if folded in texts:
        return 0
    return 1 if any(text.startswith(folded) for text in texts) else 2
