"""The line above a list: number of rows, columns, saved views, density."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.accounts.models import User
from alertadmin.dashboard.lists import saved_views
from alertadmin.dashboard.lists.views import LISTS, address_of
from alertadmin.dashboard.ui.tables import CURSORS, MOST_COUNTED, Page

register = template.Library()


@register.simple_tag(takes_context=True)
def list_count(context: dict[str, Any]) -> str:
    """ "37 of 412 entries", or "412 entries"; "more than 10,000" where counting would take long."""
    page: Page = context["page"]
    if page.is_narrowed:
        values = {"count": _number(page.count), "total": _number(page.total)}
        return ngettext("%(count)s of %(total)s entry", "%(count)s of %(total)s entries", page.total) % values
    return ngettext("%(count)s entry", "%(count)s entries", page.count) % {"count": _number(page.count)}


@register.inclusion_tag("lists/views.html", takes_context=True)
def list_views(context: dict[str, Any]) -> dict[str, Any]:
    """The user's saved views of the list, and the form that saves what is shown."""
    request, page = context["request"], context["page"]
    query = saved_views.kept_query(request.GET.urlencode())
    if page.name not in LISTS or not isinstance(request.user, User):
        return {}
    views = [
        {"view": view, "url": address_of(view), "is_here": view.query == query}
        for view in saved_views.saved_views(request.user, page.name)
    ]
    is_all = not query
    return {
        "can_save": True, "views": views, "is_all": is_all, "list": page.name, "query": query, "path": request.path,
        "csrf_token": context.get("csrf_token"), "most": saved_views.LONGEST_NAME,
    }  # fmt: skip


@register.inclusion_tag("lists/density.html", takes_context=True)
def list_density(context: dict[str, Any]) -> dict[str, Any]:
    request, page = context["request"], context["page"]
    if page.name not in LISTS or not isinstance(request.user, User):
        return {}
    return {
        "can_choose": True, "is_compact": request.user.compact_lists, "list": page.name,
        "query": request.GET.urlencode(), "csrf_token": context.get("csrf_token"),
    }  # fmt: skip


@register.inclusion_tag("lists/hidden_fields.html", takes_context=True)
def kept_parameters(context: dict[str, Any], *left_out: str) -> dict[str, Any]:
    """The address's parameters as hidden fields of a form that changes one of them; the list starts at its first
    page."""
    asked = context["request"].GET
    names = [name for name in asked if name not in (*CURSORS, "view", *left_out)]
    return {"fields": [(name, value) for name in names for value in asked.getlist(name)]}


@register.inclusion_tag("lists/hidden_fields.html", takes_context=True)
def chosen_columns(context: dict[str, Any]) -> dict[str, Any]:
    """The chosen columns and kind of rows as hidden fields, for the form of search and filters."""
    asked = context["request"].GET
    return {"fields": [(name, value) for name in ("columns", "rows") for value in asked.getlist(name)]}


def _number(count: int) -> str:
    if count > MOST_COUNTED:
        return _("more than %(count)s") % {"count": number_format(MOST_COUNTED, use_l10n=True, force_grouping=True)}
    return number_format(count, use_l10n=True, force_grouping=True)
