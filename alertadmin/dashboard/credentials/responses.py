"""Response after a verification: a message if the credential is in use, or a page with the diagnosis."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.dashboard.ui.expiry_field import format_time
from alertadmin.dashboard.ui.kept_secrets import forget_secrets
from alertadmin.registry.credentials.rotation import Replacement
from alertadmin.registry.models import Credential, CredentialState


def verification_response(request: HttpRequest, replacement: Replacement) -> HttpResponse:
    if replacement.proven:
        if replacement.was_in_use:
            messages.success(request, _("Verified and in use."))
        else:
            messages.success(
                request,
                _(
                    "The new one is verified and now in use; the old one is superseded, and its reminders stop. If "
                    "another program still uses the old one, choose “Monitor again” on its page."
                ),
            )
        return redirect("credential", replacement.credential.pk)
    if replacement.is_early:
        say_start(request, replacement.credential)
        return redirect("credential", replacement.credential.pk)
    forget_secrets(request)
    return render(request, "credentials/not_proven.html", {"replacement": replacement})


def say_start(request: HttpRequest, credential: Credential) -> None:
    """Say that a stored credential waits for its start date."""
    start = format_time(credential.starts_at or timezone.now(), credential.app.tenant.zone, timezone.now())
    messages.info(
        request, _("It is stored and starts on %(start)s. It is verified and used from then on.") % {"start": start}
    )


def say_stored(request: HttpRequest, credential: Credential, in_use: str) -> None:
    """Say that the first credential of an app is in use, in these words, or waits for its start date."""
    if credential.state == CredentialState.NEXT:
        say_start(request, credential)
    else:
        messages.success(request, in_use)
