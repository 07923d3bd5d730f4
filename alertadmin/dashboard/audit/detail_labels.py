"""Details of an audit entry in words: names of fields, and the values that the code stores as identifiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.roles import Role
from alertadmin.audit import actor
from alertadmin.dashboard.ui import humanize
from alertadmin.registry.models import ConsentStatus, CredentialKind, CredentialState
from alertadmin.registry.permissions import transport_label
from mailer.diagnosis.texts.catalog import ENTRIES

LABELS: Mapping[str, str | Promise] = {
    "actor": gettext_lazy("user"),
    "app": gettext_lazy("app"),
    "cause": gettext_lazy("cause"),
    "client_id": gettext_lazy("application (client) ID"),
    "count": gettext_lazy("number"),
    "counts": gettext_lazy("numbers"),
    "deleted_with": gettext_lazy("also deleted"),
    "directory_id": gettext_lazy("directory (tenant) ID"),
    "entry": gettext_lazy("reference"),
    "expires_at": gettext_lazy("expiry date"),
    "filter": gettext_lazy("filter"),
    "format": gettext_lazy("format"),
    "is_active": gettext_lazy("active"),
    "is_last_resort": gettext_lazy("fallback channel"),
    "is_paused": gettext_lazy("paused"),
    "key": gettext_lazy("key"),
    "key_id": gettext_lazy("secret ID"),
    "kind": gettext_lazy("kind"),
    "left_out": gettext_lazy("similar ones in the hour before"),
    "login_kind": gettext_lazy("login by"),
    "method": gettext_lazy("method"),
    "name": gettext_lazy("name"),
    "path": gettext_lazy("page"),
    "permission": gettext_lazy("permission"),
    "permissions": gettext_lazy("permissions"),
    "place": gettext_lazy("cloud"),
    "reason": gettext_lazy("reason"),
    "recipient": gettext_lazy("recipient"),
    "recipients": gettext_lazy("recipients"),
    "redirect_uri": gettext_lazy("redirect URI"),
    "role": gettext_lazy("role"),
    "route": gettext_lazy("route"),
    "sends_as": gettext_lazy("sends as"),
    "sends_reminders": gettext_lazy("sends the reminders"),
    "starts_at": gettext_lazy("start date"),
    "state": gettext_lazy("status"),
    "status": gettext_lazy("status"),
    "through": gettext_lazy("up to number"),
    "time_zone": gettext_lazy("time zone"),
    "transport": gettext_lazy("transport"),
    "until": gettext_lazy("until"),
    "username": gettext_lazy("user name"),
}
"""A field that is not here is shown by its own name, with spaces."""
PROGRAM: Mapping[str, str | Promise] = {
    actor.ANONYMOUS: gettext_lazy("not signed in"),
    actor.CLOCK: gettext_lazy("alertadmin (scheduled)"),
    actor.WORKER: gettext_lazy("alertadmin (worker)"),
    actor.PROCESS: gettext_lazy("alertadmin (command)"),
}
"""What acts without a user. The stored values are searched for and exported."""
ADDED, REMOVED = "added", "removed"


def _choice(choices: type[TextChoices]) -> Callable[[str], str]:
    return lambda value: str(choices(value).label) if value in choices.values else value


def _cause(value: str) -> str:
    return _(ENTRIES[value].title) if value in ENTRIES else value.replace("_", " ")


VALUES: Mapping[str, Callable[[str], str]] = {
    "cause": _cause,
    "kind": _choice(CredentialKind),
    "role": _choice(Role),
    "state": _choice(CredentialState),
    "status": _choice(ConsentStatus),
    "transport": transport_label,
}


def label_of(field: str) -> str:
    return str(LABELS.get(field, field.replace("_", " ")))


def value_of(field: str, value: Any) -> str:
    """A stored value in words; a dash for none."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value in (None, "", [], {}):
        return "–"
    if isinstance(value, list):
        return ", ".join(value_of(field, one) for one in value)
    if isinstance(value, dict):
        return "; ".join(_part(field, name, one) for name, one in value.items())
    if not isinstance(value, str):
        return str(value)
    if field.endswith("_at") or field == "until":
        with suppress(ValueError):
            return humanize.exact(datetime.fromisoformat(value))
    return VALUES[field](value) if field in VALUES else value


def _part(field: str, name: str, value: Any) -> str:
    words = {ADDED: _("added: %(what)s"), REMOVED: _("removed: %(what)s")}
    what = value_of(field, value)
    return words[name] % {"what": what} if name in words else f"{what} {name.rpartition('.')[2].replace('_', ' ')}"


def actor_of(who: str) -> str:
    """The user, or the part of the program that acted."""
    return str(PROGRAM.get(who, who))
