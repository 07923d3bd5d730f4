"""What somebody may do, so that a page offers them that alone: buttons, forms, and links to rows they may see.

{% may "change" mailbox as can_change %}{% if can_change %}…{% endif %}
{% may "operate" as can_operate %}                in the installation
{% link mailbox.app mailbox.app.name %}           a link, or the name alone
{% person_name hold.by_id hold.by_name as who %}  a person's name, where the viewer may know who it is
"""

from __future__ import annotations

from django import template
from django.db.models import Model
from django.template import Context
from django.utils.html import format_html
from django.utils.translation import gettext as _

from alertadmin.accounts.access import Access, access_of
from alertadmin.accounts.roles import Right

register = template.Library()


@register.simple_tag(takes_context=True)
def may(context: Context, right: str, thing: Model | None = None) -> bool:
    """Without a thing: in the whole installation. On a page without a request, nothing is offered."""
    access = _access(context)
    return access is not None and access.may(Right(right), thing)


@register.simple_tag(takes_context=True)
def may_anywhere(context: Context, right: str) -> bool:
    """At least in some tenant."""
    access = _access(context)
    return access is not None and access.in_any_tenant(Right(right))


@register.simple_tag(takes_context=True)
def link(context: Context, thing: Model, name: object, kind: str = "", part: str = "") -> str:
    """To a thing's page, at a part of it, where the viewer may see it; else its name alone. `kind` is its class."""
    access, looks = _access(context), format_html(' class="{}"', kind) if kind else ""
    if access is None or not access.may(Right.LOOK, thing):
        return format_html("<span{}>{}</span>", looks, name)
    return format_html('<a{} href="{}{}">{}</a>', looks, thing.get_absolute_url(), part, name)  # type: ignore[attr-defined]


@register.simple_tag(takes_context=True)
def person_name(context: Context, pk: int | None, name: object) -> str:
    """To a viewer with a role in one tenant, people of other tenants and of the installation have no name."""
    access = _access(context)
    return str(name) if access is not None and access.sees_person(pk) else _("a person of this installation")


def _access(context: Context) -> Access | None:
    request = context.get("request")
    return access_of(request) if request else None
