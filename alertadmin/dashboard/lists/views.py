"""Saved views and the density of lists: settings of the signed-in user."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin import audit
from alertadmin.accounts.decorators import login_only, require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction
from alertadmin.dashboard.lists import saved_views
from alertadmin.dashboard.lists.saved_views import SavedView


@dataclass(frozen=True)
class NamedList:
    url: str
    """Name of its address."""
    label: Promise


LISTS = {
    "tenants": NamedList("tenants", gettext_lazy("Tenants")),
    "apps": NamedList("apps", gettext_lazy("App registrations")),
    "credentials": NamedList("credentials", gettext_lazy("Secrets")),
    "consents": NamedList("consents", gettext_lazy("Consent")),
    "mailboxes": NamedList("mailboxes", gettext_lazy("Mailboxes")),
    "deliveries": NamedList("deliveries", gettext_lazy("Deliveries")),
}
"""Lists of which views can be saved, by the table's name."""


@require_right(Right.LOOK)
def saved_view_list(request: HttpRequest) -> HttpResponse:
    """All views of the user, to rename and delete."""
    rows = [
        {"view": one, "list": LISTS[one.list], "url": address_of(one)}
        for one in saved_views.saved_views(_user(request))
        if one.list in LISTS
    ]
    return render(request, "lists/saved_views.html", {"rows": rows})


@login_only
def saved_view_save(request: HttpRequest) -> HttpResponse:
    sent = request.POST
    if sent.get("list") not in LISTS:
        return redirect("saved-views")
    view = SavedView(sent["list"], sent.get("name", ""), sent.get("query", ""), "default" in sent)
    try:
        saved_views.save(_user(request), view)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Saved."))
    return redirect(address_of(view))


@login_only
def saved_view_change(request: HttpRequest) -> HttpResponse:
    """Rename a view, delete it, or make it the default of its list."""
    user, sent = _user(request), request.POST
    if sent.get("list") in LISTS:
        table, name = sent["list"], sent.get("name", "")
        try:
            if "delete" in sent:
                saved_views.delete(user, table, name)
            elif "default" in sent:
                saved_views.make_default(user, table, name if sent["default"] else "")
            else:
                saved_views.rename(user, table, name, sent.get("new_name", ""))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, _("Saved."))
    return redirect("saved-views")


@login_only
def list_density(request: HttpRequest) -> HttpResponse:
    """Switch between comfortable and compact lists, and go back to the list."""
    if request.method != "POST":
        return redirect("saved-views")
    user = _user(request)
    with audit.record_change(AuditAction.PERSON_CHANGED, user):
        user.compact_lists = request.POST.get("compact") == "1"
        user.save(update_fields=["compact_lists"])
    table = request.POST.get("list", "")
    query = request.POST.get("query", "")
    return redirect(address_of(SavedView(table, "", query)) if table in LISTS else "saved-views")


def address_of(view: SavedView) -> str:
    query = saved_views.kept_query(view.query)
    return f"{reverse(LISTS[view.list].url)}?{query or 'view='}"


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    return request.user
