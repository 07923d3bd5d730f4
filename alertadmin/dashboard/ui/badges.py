"""Badges: colour and icon of each state, and the names of the responsible persons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from alertadmin.registry.models import Credential, CredentialState

RED_DAYS = 7
"""Red marks only what stops mail now or within a week."""
AMBER_DAYS = 60


@dataclass(frozen=True)
class Badge:
    colour: str
    icon: str


GOOD = Badge("success", "circle-check")
BAD = Badge("danger", "octagon-x")
SOON = Badge("warning", "clock")
DOUBTFUL = Badge("warning", "circle-question-mark")
UNDER_WAY = Badge("info", "hourglass")
OVER = Badge("secondary", "archive")
UNKNOWN = Badge("secondary", "circle-question-mark")

BADGES = {
    "granted": GOOD,
    "sent": GOOD,
    "accepted": GOOD,
    "current": GOOD,
    "done": GOOD,
    "next": UNDER_WAY,
    "other": Badge("secondary", "eye"),
    "pending": UNDER_WAY,
    "sending": Badge("info", "send"),
    "open": Badge("info", "send"),
    "not_in_token": DOUBTFUL,
    "uncertain": DOUBTFUL,
    "lost": DOUBTFUL,
    "unknown": DOUBTFUL,
    "optional": Badge("secondary", "minus"),
    "error": BAD,
    "failed": BAD,
    "refused": BAD,
    "retired": OVER,
    "paused": Badge("secondary", "pause"),
    "cancelled": Badge("secondary", "ban"),
    "warning": SOON,
}

OWNERS = {
    "tenant_administrator": _("An administrator of the Entra tenant"),
    "exchange_administrator": _("An administrator of Exchange Online"),
    "app_owner": _("The owner of the app registration and its secret"),
    "operator": _("The administrator of the machine that sends"),
    "sender": _("The author of the message or of its recipient list"),
    "user": _("The user of the account"),
    "nobody": _("No action needed: it is temporary, and a retry succeeds later"),
}


def badge_of_expiry(credential: Credential, now: datetime) -> Badge:
    """Urgency of the expiry date. Callers handle waiting credentials, which stop no mail yet.

    An expired one that is only monitored is a warning: it is to be removed in Entra, or a program still uses it.
    """
    if credential.is_expired(now):
        return SOON if credential.state == CredentialState.OTHER else BAD
    days = credential.days_left(now)
    if days < RED_DAYS:
        return Badge("danger", "clock")
    return SOON if days < AMBER_DAYS else GOOD
