"""What lists offer for their rows: selection for bulk actions, and export."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Model

from alertadmin.accounts.access import access_of
from alertadmin.dashboard.bulk.lists import LISTS
from alertadmin.dashboard.export.lists import LISTS as EXPORTABLE
from alertadmin.dashboard.export.writers import FORMATS, ExportFormat

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


@register.simple_tag(takes_context=True)
def export_formats(context: dict[str, Any]) -> list[ExportFormat]:
    """The formats in which the list can be exported."""
    return list(FORMATS.values()) if context["page"].name in EXPORTABLE else []


@register.inclusion_tag("bulk/select_cell.html", takes_context=True)
def select_cell(context: dict[str, Any], row: Model) -> dict[str, Any]:
    """The check box of a row, if the list has some."""
    return {"row": row, "selectable": context["page"].selectable}
