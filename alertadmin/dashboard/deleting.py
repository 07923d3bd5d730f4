"""Deleting asks once, naming the thing and what goes with it."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _


def confirm_delete(request: HttpRequest, thing: Model, *, goes_with: str, back_to: str) -> HttpResponse:
    if request.method == "POST":
        name = str(thing)
        thing.delete()
        messages.success(request, _('"%(name)s" is deleted.') % {"name": name})
        return redirect(back_to)
    return render(request, "partials/confirm_delete.html", {"thing": thing, "goes_with": goes_with})
