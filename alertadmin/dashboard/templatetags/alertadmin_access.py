"""Access checks in templates: buttons, forms and links appear only for users who may use them.

{% may "change" mailbox as can_change %}{% if can_change %}…{% endif %}
{% may "operate" as can_operate %}                in all tenants
{% link mailbox.app mailbox.app.name %}           a link, or only the name
{% person_name hold.by_id hold.by_name as who %}  a user's name, if the viewer may know it
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
    """Without a row: the right in all tenants. False on a page without a request."""
    access = _access(context)
    return access is not None and access.may(Right(right), thing)


@register.simple_tag(takes_context=True)
def may_anywhere(context: Context, right: str) -> bool:
    """Whether the user has the right in at least one tenant."""
    access = _access(context)
    return access is not None and access.in_any_tenant(Right(right))


@register.simple_tag(takes_context=True)
def link(context: Context, thing: Model, name: object, kind: str = "", part: str = "") -> str:
    """Link to the row's page (at `part`) if the viewer may see it, else only its name. `kind` is a CSS class."""
    access, looks = _access(context), format_html(' class="{}"', kind) if kind else ""
    if access is None or not access.may(Right.LOOK, thing):
        return format_html("<span{}>{}</span>", looks, name)
    return format_html('<a{} href="{}{}">{}</a>', looks, thing.get_absolute_url(), part, name)  # type: ignore[attr-defined]


@register.simple_tag(takes_context=True)
def person_name(context: Context, pk: int | None, name: object) -> str:
    """A user's name; hidden from a viewer of single tenants if that user is in other tenants or the installation."""
    access = _access(context)
    return str(name) if access is not None and access.sees_person(pk) else _("a recipient of this installation")


def _access(context: Context) -> Access | None:
    request = context.get("request")
    return access_of(request) if request else None
