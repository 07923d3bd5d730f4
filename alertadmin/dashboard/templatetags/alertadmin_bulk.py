"""Selection of rows in lists, for bulk actions."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Model

from alertadmin.accounts.access import access_of
from alertadmin.dashboard.bulk.lists import LISTS

register = template.Library()
CURSORS = ("after", "before")


@register.simple_tag(takes_context=True)
def prepare_selection(context: dict[str, Any]) -> str:
    """Give the page the actions of its list that the user may do, and its query without the cursor."""
    page, request = context["page"], context["request"]
    found = LISTS.get(page.name)
    page.actions = found.actions_for(access_of(request)) if found and page.rows else []
    query = request.GET.copy()
    for name in CURSORS:
        query.pop(name, None)
    page.query = query.urlencode()
    return ""


@register.inclusion_tag("bulk/select_cell.html", takes_context=True)
def select_cell(context: dict[str, Any], row: Model) -> dict[str, Any]:
    """The check box of a row, if the list has some."""
    return {"row": row, "selectable": context["page"].selectable}
