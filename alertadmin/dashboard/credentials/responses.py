"""Response after a verification: a message if the credential is in use, or a page with the diagnosis."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from alertadmin.registry.credentials.rotation import Replacement


def verification_response(request: HttpRequest, replacement: Replacement) -> HttpResponse:
    if replacement.proven:
        messages.success(request, _("The new one is verified and now in use; the old one is superseded."))
        return redirect("credential", replacement.credential.pk)
    return render(request, "credentials/not_proven.html", {"replacement": replacement})
