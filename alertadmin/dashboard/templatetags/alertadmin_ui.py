"""Small things every page says alike: a state, how long there is, what a cause means."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.registry.models import Credential
from alertadmin.reminders.digest import time_left
from mailer.diagnosis import SLUGS, Diagnosis, explain

register = template.Library()

LOOKS = {
    "granted": ("success", "circle-check"),
    "sent": ("success", "circle-check"),
    "accepted": ("success", "circle-check"),
    "current": ("success", "circle-check"),
    "next": ("info", "hourglass"),
    "retired": ("secondary", "archive"),
    "pending": ("info", "hourglass"),
    "sending": ("info", "send"),
    "open": ("info", "send"),
    "not_in_token": ("warning", "circle-question-mark"),
    "unknown": ("warning", "circle-question-mark"),
    "uncertain": ("warning", "circle-question-mark"),
    "lost": ("warning", "circle-question-mark"),
    "error": ("danger", "circle-x"),
    "failed": ("danger", "circle-x"),
    "refused": ("danger", "circle-x"),
    "cancelled": ("secondary", "ban"),
}


@register.inclusion_tag("partials/state.html")
def state(value: str, label: str) -> dict[str, str]:
    """A state: colour, sign and word, never colour alone."""
    colour, icon = LOOKS.get(value, ("secondary", "circle-question-mark"))
    return {"colour": colour, "icon": icon, "label": label}


@register.inclusion_tag("partials/state.html")
def ending(credential: Credential) -> dict[str, str]:
    """How urgent a credential's end is, in words."""
    now = timezone.now()
    if credential.state == "retired":
        return {"colour": "secondary", "icon": "archive", "label": _("superseded")}
    days = credential.days_left(now)
    colour = "danger" if days < 7 else "warning" if days < 60 else "success"
    icon = "circle-x" if credential.is_expired(now) else "clock" if days < 60 else "circle-check"
    return {"colour": colour, "icon": icon, "label": time_left(credential.expires_at, now)}


@register.filter
def ago(value: datetime | None) -> str:
    return time_left(value, timezone.now()) if value else ""


@register.filter
def cause_title(slug: str) -> str:
    return _(explain(slug).title) if slug in SLUGS else slug


@register.inclusion_tag("partials/diagnosis.html")
def diagnosis(
    slug: str, technical: str = "", mailbox: Any = None, app: Any = None, tenant: Any = None
) -> dict[str, Any]:
    """The card that says what is wrong, who must act, and how."""
    app = app or getattr(mailbox, "app", None)
    tenant = tenant or getattr(mailbox, "tenant", None) or getattr(app, "tenant", None)
    if slug not in SLUGS:
        return {"diagnosis": None, "technical": technical}
    return {
        "diagnosis": explain(
            slug,
            cloud=tenant.mail_cloud if tenant else None,
            directory_id=tenant.directory_id if tenant else None,
            client_id=app.client_id if app else None,
            mailbox=mailbox.address if mailbox else None,
            translate=_,
        ),
        "technical": technical,
    }


@register.simple_tag(takes_context=True)
def sort_query(context: dict[str, Any], field: str) -> str:
    """The query that sorts by this column: upwards first, then downwards."""
    query = context["request"].GET.copy()
    query.pop("after", None)
    query["sort"] = f"-{field}" if context["page"].sort == field else field
    return str(query.urlencode())


@register.filter
def is_diagnosis(value: object) -> bool:
    return isinstance(value, Diagnosis)
