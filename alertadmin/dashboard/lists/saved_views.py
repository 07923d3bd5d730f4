"""Saved views: search, filters, sort and columns of a list, kept by name for one user.

They are a column of the user's row, which every request reads anyway: a list needs no further query for them, and no
request can name the view of another user.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction
from alertadmin.dashboard.ui.tables import CURSORS
from alertadmin.registry.safe_names import plain_line

MOST = 50
"""Views of a user, in all lists."""
LONGEST_NAME = 60
LONGEST_QUERY = 1_000
"""Characters."""
NOT_KEPT = (*CURSORS, "view")
"""Parameters of the address that are no part of a view. `view` alone shows the list without the default view."""


@dataclass(frozen=True)
class SavedView:
    list: str
    """The table's name."""
    name: str
    query: str
    is_default: bool = False
    """Shown when the list is opened without parameters."""


def saved_views(user: User, table: str = "") -> list[SavedView]:
    """The user's views of a list, or of all lists, by name."""
    found = [
        SavedView(one["list"], one["name"], one["query"], one.get("is_default") is True) for one in user.saved_views
    ]
    return sorted((one for one in found if table in ("", one.list)), key=lambda one: (one.list, one.name.casefold()))


def save(user: User, view: SavedView) -> None:
    """Add a view, or change the one of this name. Raises ValidationError if it has no name, is too long, or the user
    has as many as allowed."""
    name = plain_line(view.name, LONGEST_NAME).strip()
    query = kept_query(view.query)
    if not name:
        raise ValidationError(_("Enter a name."))
    if len(query) > LONGEST_QUERY:
        raise ValidationError(_("This view has too many filters to be saved."))
    with transaction.atomic():
        others = [one for one in _locked(user) if (one.list, one.name) != (view.list, name)]
        if len(others) >= MOST:
            raise ValidationError(_("You can save %(most)d views at most. Delete one first.") % {"most": MOST})
        if view.is_default:
            others = [replace(one, is_default=False) if one.list == view.list else one for one in others]
        _store(user, [*others, replace(view, name=name, query=query)])


def rename(user: User, table: str, name: str, new_name: str) -> None:
    """Raises ValidationError if the new name is empty or another view of the list has it. Does nothing if there is no
    such view."""
    new_name = plain_line(new_name, LONGEST_NAME).strip()
    if not new_name:
        raise ValidationError(_("Enter a name."))
    with transaction.atomic():
        views = _locked(user)
        if new_name != name and any((one.list, one.name) == (table, new_name) for one in views):
            raise ValidationError(_("You already have a view with this name."))
        _store(user, [replace(one, name=new_name) if (one.list, one.name) == (table, name) else one for one in views])


def make_default(user: User, table: str, name: str) -> None:
    """Make it the list's default view, or none with an empty name."""
    with transaction.atomic():
        views = _locked(user)
        _store(user, [replace(one, is_default=one.name == name) if one.list == table else one for one in views])


def delete(user: User, table: str, name: str) -> None:
    with transaction.atomic():
        _store(user, [one for one in _locked(user) if (one.list, one.name) != (table, name)])


def kept_query(query: str) -> str:
    """The query string without the page's place in the list, in one form."""
    asked = QueryDict(query, mutable=True)
    for name in NOT_KEPT:
        asked.pop(name, None)
    return asked.urlencode()


def _locked(user: User) -> list[SavedView]:
    return saved_views(User.objects.select_for_update().get(pk=user.pk))


def _store(user: User, views: Sequence[SavedView]) -> None:
    with audit.record_change(AuditAction.PERSON_CHANGED, user):
        user.saved_views = [asdict(one) for one in views]
        user.save(update_fields=["saved_views"])
