"""Deleting asks once, naming the thing and counting what goes with it."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _


def confirm_delete(
    request: HttpRequest, thing: Model, *, means: str, back_to: str, going: Sequence[str] = ()
) -> HttpResponse:
    """`means` says in a sentence what follows; `going` counts what is deleted with it."""
    if request.method == "POST":
        name = str(thing)
        thing.delete()
        messages.success(request, _("“%(name)s” is deleted.") % {"name": name})
        return redirect(back_to)
    return render(request, "partials/confirm_delete.html", {"thing": thing, "means": means, "going": going})
