"""Shared display elements: icon, state, time, time left, diagnosis."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django import forms, template
from django.forms import BoundField
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.translation import gettext as _
from lucide.templatetags.lucide import lucide

from alertadmin.accounts import time_zones as accounts_time_zones
from alertadmin.accounts import user_agent
from alertadmin.accounts.oidc import provider_registry
from alertadmin.accounts.oidc.provider import Provider
from alertadmin.dashboard.diagnosis.handoff_text import as_message
from alertadmin.dashboard.ui import humanize, kept_secrets
from alertadmin.dashboard.ui.badges import BADGES, OWNERS, UNKNOWN, Badge, badge_of_expiry
from alertadmin.registry import safe_names
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.models import Consent, Credential, KeptSecret, Tenant
from alertadmin.reminders.compose.digest import time_left
from alertadmin.reminders.recipients import ORIGINS, RecipientList
from alertadmin.stored_messages import render_stored
from mailer.clouds import Cloud
from mailer.diagnosis import SLUGS, Diagnosis, explain

register = template.Library()
LONGEST_TITLE = 120
"""Characters, without the product name."""
register.filter("render_stored", render_stored)
register.filter("device", user_agent.describe_user_agent)


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, size: int = 18) -> str:
    """Inline an SVG icon next to text, hidden from screen readers."""
    return lucide(name, size=size, aria_hidden="true", focusable="false")


@register.simple_tag
def sign_in_providers() -> list[Provider]:
    """Configured OIDC providers."""
    return provider_registry.providers()


@register.filter(is_safe=True)
def page_title(escaped: str) -> str:
    """Title of the page from its `title` block, which is already escaped."""
    return escape(safe_names.plain_line(html.unescape(escaped), LONGEST_TITLE))


@register.filter
def provider_label(slug: str) -> str:
    found = provider_registry.find(slug)
    return found.label if found else slug


@register.inclusion_tag("partials/state.html")
def state(value: str, label: str) -> dict[str, str]:
    """A state as colour, icon and word."""
    badge = BADGES.get(value, UNKNOWN)
    return {"colour": badge.colour, "icon": badge.icon, "label": label}


@register.inclusion_tag("partials/state.html")
def badge(badge: Badge, label: str) -> dict[str, str]:
    """The same for a badge that the view has chosen."""
    return {"colour": badge.colour, "icon": badge.icon, "label": label}


@register.inclusion_tag("partials/state.html")
def expiry(credential: Credential) -> dict[str, str]:
    """Urgency of a credential's expiry date, in words."""
    if credential.state == "retired":
        badge, label = BADGES["retired"], _("superseded")
    else:
        now = timezone.now()
        badge, label = badge_of_expiry(credential, now), time_left(credential.expires_at, now)
    return {"colour": badge.colour, "icon": badge.icon, "label": label}


@register.inclusion_tag("partials/when.html")
def when(value: datetime | None, never: str = "–") -> dict[str, Any]:
    """ "in 12 days · 5 Dec 2026, 14:30 CET", in the viewer's time zone."""
    if value is None:
        return {"value": None, "never": never}
    return {"value": value, "relative": humanize.relative(value, timezone.now()), "exact": humanize.exact(value)}


@register.filter
def ago(value: datetime | None) -> str:
    return humanize.relative(value, timezone.now()) if value else ""


@register.filter
def exactly(value: datetime | None) -> str:
    return humanize.exact(value) if value else ""


@register.filter
def month(value: date) -> str:
    return humanize.month(value)


@register.filter
def day(value: datetime) -> str:
    return humanize.day(value)


@register.filter
def reason_of(address: str, recipients: RecipientList) -> str:
    """Why this address is a recipient."""
    return str(ORIGINS[recipients.why[address]])


@register.filter
def cause_title(slug: str) -> str:
    return explain(slug, translate=_).title if slug in SLUGS else slug


@register.filter
def trimmed(text: str) -> str:
    return text.strip()


@register.filter
def owner_name(owner: str) -> str:
    """The responsible person, in words."""
    return str(OWNERS.get(str(owner), owner))


@register.inclusion_tag("partials/diagnosis.html")
def diagnosis(
    slug: str,
    technical: str = "",
    mailbox: Any = None,
    app: Any = None,
    tenant: Any = None,
    level: int = 2,
    sends_as: str = "",
) -> dict[str, Any]:
    """Diagnosis card: cause, responsible person, steps. `level` is the heading level; `sends_as` is the sender address
    if it is not the mailbox's own."""
    app = app or getattr(mailbox, "app", None)
    tenant = tenant or getattr(mailbox, "tenant", None) or getattr(app, "tenant", None)
    card: dict[str, Any] = {"diagnosis": None, "technical": render_stored(technical), "level": level}
    if slug in SLUGS:
        card["diagnosis"] = explain(
            slug,
            cloud=_cloud_of(tenant),
            directory_id=tenant.directory_id if tenant else None,
            client_id=app.client_id if app else None,
            mailbox=sends_as or (mailbox.address if mailbox else None),
            technical=card["technical"],
            translate=_,
        )
    return card


@register.simple_tag
def message_of(diagnosis: Diagnosis, technical: str = "") -> str:
    return as_message(diagnosis, technical)


def _cloud_of(tenant: Tenant | None) -> Cloud | None:
    """Return None if the clouds file does not define the cloud; links are then those of the worldwide cloud."""
    try:
        return tenant.mail_cloud if tenant else None
    except UnknownCloud:
        return None


@register.simple_tag
def regroup_causes(consents: Sequence[Consent]) -> list[Consent]:
    """One consent per tenant and cause: permissions with the same cause need one explanation."""
    found: dict[tuple[Any, ...], Consent] = {}
    for consent in consents:
        if consent.cause or consent.technical:
            said = consent.technical if not consent.cause else ""
            found.setdefault((consent.tenant_id, consent.cause, said), consent)
    return list(found.values())


@register.simple_tag(takes_context=True)
def kept_secret(context: dict[str, Any], field: BoundField) -> KeptSecret | None:
    """What is kept of this secret field of a refused form (see `ui.kept_secrets`)."""
    return kept_secrets.offered(context["request"], field) if "request" in context else None


@register.simple_tag(takes_context=True)
def sort_query(context: dict[str, Any], field: str) -> str:
    """Query string that sorts by this column: ascending first, then descending."""
    query = context["request"].GET.copy()
    for cursor in ("after", "before"):
        query.pop(cursor, None)
    query["sort"] = f"-{field}" if context["page"].sort == field else field
    return str(query.urlencode())


@register.simple_tag(takes_context=True)
def sorted_how(context: dict[str, Any], field: str) -> str:
    """Value of aria-sort."""
    return {field: "ascending", f"-{field}": "descending"}.get(context["page"].sort, "none")


@register.simple_tag(takes_context=True)
def sort_sign(context: dict[str, Any], field: str) -> str:
    signs = {field: "arrow-up", f"-{field}": "arrow-down"}
    return icon(signs.get(context["page"].sort, "arrow-up-down"), 14)


@register.simple_block_tag(takes_context=True)
def cell(context: dict[str, Any], content: str, column: str, css: str = "") -> str:
    """`{% cell "domain" "wrap" %}…{% endcell %}`: the cell of a column, with its heading for narrow screens, where the
    table has no head. Nothing if the user has hidden the column."""
    label = context["page"].labels.get(column)
    if label is None:
        return ""
    return format_html(
        "<td{}{}>{}</td>",
        format_html(' class="{}"', css) if css else "",
        format_html(' data-label="{}"', label) if label else "",
        content,
    )


@register.inclusion_tag("partials/menu_item.html", takes_context=True)
def menu_item(context: dict[str, Any], area: str, sign: str, label: str) -> dict[str, Any]:
    """Menu entry; `area` is the URL name of its list. `is_here` is the value of aria-current."""
    is_here = ""
    if context.get("area") == area:
        is_here = "page" if context["request"].path == reverse(area) else "true"
    return {"url": reverse(area), "icon": sign, "label": label, "is_here": is_here}


@register.simple_tag
def time_zones() -> tuple[str, ...]:
    return accounts_time_zones.names()


@register.filter
def is_half(field: BoundField) -> bool:
    """Whether the field takes half the width; the form lists such fields."""
    return field.name in getattr(field.form, "halves", ())


@register.filter
def is_tick(field: BoundField) -> bool:
    """Whether it is a single check box, rendered before its label."""
    return isinstance(field.field.widget, forms.CheckboxInput)
