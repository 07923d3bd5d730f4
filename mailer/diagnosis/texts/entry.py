"""The texts for one cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mailer.diagnosis.causes import Owner


def gettext_noop(text: str) -> str:
    """Mark a text for makemessages. `explain` translates it with its argument `translate`."""
    return text


@dataclass(frozen=True)
class Entry:
    """Texts for translation. %(mailbox)s, %(client_id)s, %(directory_id)s and %(authority)s, %(ews)s, %(graph)s,
    %(smtp)s, %(exchange_resource)s, %(graph_resource)s (the cloud's endpoints) are filled in after translation.
    `pages` are names of `portal_links.PAGES`, the most useful first."""

    title: str
    explanation: str
    owner: Owner
    fix: tuple[str, ...]
    pages: tuple[str, ...]


PLACEHOLDERS: Final = {
    "mailbox": gettext_noop("<address of the sending mailbox>"),
    "client_id": gettext_noop("<application (client) ID>"),
    "directory_id": gettext_noop("<directory (tenant) ID>"),
}
"""Shown in place of unknown values."""
