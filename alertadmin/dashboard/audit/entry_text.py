"""Audit entries as text: which field changed to what, and where the target is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from alertadmin.accounts.access import Access
from alertadmin.audit import AuditEntry
from alertadmin.dashboard.audit.detail_labels import actor_of, label_of, value_of

PAGES = {
    "registry.tenant": "tenant",
    "registry.appregistration": "app",
    "registry.credential": "credential",
    "registry.mailbox": "mailbox",
    "registry.consent": "consent-ask",
    "outbox.channel": "channel",
    "outbox.delivery": "delivery",
}
"""URL name of the page of each kind of target."""


@dataclass(frozen=True)
class EntryText:
    entry: AuditEntry
    who: str
    url: str
    details: list[str]


NAME_PEOPLE = frozenset({"actor", "route"})
"""Detail fields that may name users or routes of the installation."""


def as_known(entry: AuditEntry, access: Access) -> AuditEntry:
    """Redact names and addresses for a viewer with roles in single tenants: users of the installation and rows of
    other tenants are named by their kind only."""
    if access.in_all_tenants():
        return entry
    entry.details = {name: value for name, value in entry.named_details.items() if name not in NAME_PEOPLE}
    if entry.person_id is not None and not access.sees_person(entry.person_id):
        entry.who, entry.person_id, entry.address = _("a recipient of this installation"), None, ""
    return entry


def entry_text_of(entry: AuditEntry) -> EntryText:
    page = PAGES.get(entry.kind)
    is_gone = entry.act.endswith(".deleted")
    url = reverse(page, args=[entry.object_id]) if page and not is_gone and entry.object_id else ""
    return EntryText(entry, actor_of(entry.who), url, list(_details(entry.named_details)))


def _details(details: dict[str, Any]) -> list[str]:
    lines = []
    for name, value in details.items():
        if name == "changes" and isinstance(value, dict):
            lines += [_change(field, change) for field, change in value.items()]
        else:
            lines.append(_("%(label)s: %(value)s") % {"label": label_of(name), "value": value_of(name, value)})
    return lines


def _change(field: str, change: Any) -> str:
    if isinstance(change, list) and len(change) == 2:
        value = f"{value_of(field, change[0])} → {value_of(field, change[1])}"
        return _("%(label)s: %(value)s") % {"label": label_of(field), "value": value}
    return _("%(field)s changed") % {"field": label_of(field)}
