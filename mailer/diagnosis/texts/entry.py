"""The shape of what is said of one cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mailer.diagnosis.causes import Owner


def gettext_noop(text: str) -> str:
    """Marks a text for makemessages; it is translated when it is said, by the `translate` given to `explain`."""
    return text


@dataclass(frozen=True)
class Entry:
    """Texts for translation. %(mailbox)s, %(client_id)s, %(directory_id)s and %(authority)s, %(ews)s, %(graph)s,
    %(smtp)s, %(exchange_resource)s, %(graph_resource)s (the cloud's doors) are filled in after translation.
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
"""What stands for an id that is not known."""
