from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from alertadmin.dashboard.credentials.forms import CredentialForm, SecretForm
from alertadmin.dashboard.deleting import confirm_delete
from alertadmin.dashboard.listing import Column, Listing
from alertadmin.registry import replacing
from alertadmin.registry.keyring import KeyRingError
from alertadmin.registry.models import AppRegistration, Credential, CredentialState
from alertadmin.registry.registration import add_credential

LISTING = Listing(
    columns=(
        Column(gettext_lazy("End"), "expires_at"),
        Column(gettext_lazy("Description"), "description"),
        Column(gettext_lazy("App registration"), "app__name"),
        Column(gettext_lazy("Tenant"), "app__tenant__name"),
        Column(gettext_lazy("State")),
    ),
    search=("description", "app__name", "app__tenant__name", "hint"),
    filters={"state": (gettext_lazy("State"), CredentialState.choices)},
    default="expires_at",
)


def credentials(request: HttpRequest) -> HttpResponse:
    found = Credential.objects.select_related("app__tenant").defer("value")
    return render(request, "credentials/list.html", {"page": LISTING.page(request, found)})


def credential(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Credential.objects.select_related("app__tenant"), pk=pk)
    reminders = found.reminders.select_related("scan").order_by("-pk")[:20]
    context = {
        "credential": found,
        "reminders": reminders,
        "is_readable": found.value.readable if found.value else None,
    }
    return render(request, "credentials/credential.html", context)


def credential_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Credential.objects.select_related("app__tenant"), pk=pk)
    form = CredentialForm(request.POST or None, credential=found)
    if request.method == "POST" and form.is_valid():
        found.description = form.cleaned_data["description"]
        found.starts_at, found.expires_at = form.cleaned_data["starts_at"], form.cleaned_data["expires_at"]
        found.save(update_fields=["description", "starts_at", "expires_at"])
        messages.success(request, _("Saved."))
        return redirect("credential", pk)
    return render(
        request, "partials/edit.html", {"form": form, "heading": str(found), "back": found.get_absolute_url()}
    )


def credential_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    goes_with = _("Nobody is reminded of it any more. In Entra it stays.")
    return confirm_delete(request, get_object_or_404(Credential, pk=pk), goes_with=goes_with, back_to="credentials")


@sensitive_post_parameters("value")
def credential_add(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The first secret of an app is in use at once; a further one waits until a token proves it."""
    app = get_object_or_404(AppRegistration.objects.select_related("tenant"), pk=pk)
    return _new_secret(request, app)


@sensitive_post_parameters("value")
def credential_replace(request: HttpRequest, pk: UUID) -> HttpResponse:
    old = get_object_or_404(Credential.objects.select_related("app__tenant"), pk=pk)
    return _new_secret(request, old.app, replaced=old)


def _new_secret(request: HttpRequest, app: AppRegistration, replaced: Credential | None = None) -> HttpResponse:
    form = SecretForm(request.POST or None, zone=app.tenant.zone)
    if request.method == "POST" and form.is_valid():
        values = {name: form.cleaned_data[name] for name in ("value", "description", "starts_at", "expires_at")}
        try:
            if app.current_credential is None:
                stored = add_credential(app, **values)
                messages.success(request, _("The secret is stored and in use."))
                return redirect("credential", stored.pk)
            return _told(request, replacing.replace(app, **values, now=timezone.now()))
        except KeyRingError as error:
            form.add_error(None, str(error))
    context = {"form": form, "app": app, "replaced": replaced, "is_first": app.current_credential is None}
    return render(request, "credentials/new.html", context)


@require_POST
def credential_promote(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Tries a waiting secret again."""
    found = get_object_or_404(Credential.objects.select_related("app__tenant"), pk=pk, state=CredentialState.NEXT)
    return _told(request, replacing.promote(found, now=timezone.now()))


def _told(request: HttpRequest, replacement: replacing.Replacement) -> HttpResponse:
    if replacement.proven:
        messages.success(request, _("A token proved the new secret: it is in use now, the old one is superseded."))
        return redirect("credential", replacement.credential.pk)
    return render(request, "credentials/not_proven.html", {"replacement": replacement})
