"""Certificates: uploaded with the private key, or created here with the public half to download."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.crypto.keyring import KeyringError
from alertadmin.dashboard.credentials.forms import CERTIFICATE_ID_HELP, KeyIdField
from alertadmin.dashboard.credentials.responses import say_stored, verification_response
from alertadmin.dashboard.ui.entra_links import portal_links
from alertadmin.dashboard.ui.name_field import NameField
from alertadmin.registry.credentials import certificates, rotation
from alertadmin.registry.credentials.certificates import KeyPair
from alertadmin.registry.models import AppRegistration, Credential
from alertadmin.registry.registration import add_credential
from alertadmin.stored_messages import render_error

LARGEST = 100_000
"""Bytes; a key with a chain of certificates has about 10,000."""
A_YEAR = timedelta(days=365)


class UploadForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("Certificate with its private key"),
        widget=forms.FileInput(attrs={"accept": ".pfx,.p12,.pem"}),
        help_text=gettext_lazy("A PFX file, or PEM with both. It is read in memory; the key is stored encrypted."),
    )
    passphrase = forms.CharField(
        label=gettext_lazy("Passphrase"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Of the file, if it has one. It is used once and not stored."),
    )
    description = NameField(label=gettext_lazy("Description"), required=False, max_length=200)
    key_id = KeyIdField(label=gettext_lazy("Certificate ID"), help_text=CERTIFICATE_ID_HELP)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        file = data.get("file")
        if file is None:
            return data
        if file.size > LARGEST:
            self.add_error("file", _("This file is too large for a certificate with its key."))
            return data
        try:
            data["pair"] = certificates.read(file.read(), data.get("passphrase", ""))
        except ValidationError as error:
            self.add_error("passphrase" if "passphrase" in (error.code or "") else "file", error)
        else:
            if data["pair"].expires_at <= timezone.now():
                self.add_error("file", _("This certificate has expired. Create a new one."))
        return data


class MakeForm(forms.Form):
    months = forms.TypedChoiceField(
        label=gettext_lazy("Valid for"),
        coerce=int,
        choices=[
            (6, gettext_lazy("6 months")),
            (12, gettext_lazy("12 months")),
            (24, gettext_lazy("24 months")),
        ],
        initial=12,
    )
    description = NameField(label=gettext_lazy("Description"), required=False, max_length=200)

    @property
    def lasts(self) -> timedelta:
        months: int = self.cleaned_data["months"]
        return A_YEAR * months / 12


@require_right(Right.CHANGE, of=AppRegistration)
@sensitive_post_parameters("passphrase")
def certificate_add(request: HttpRequest, pk: UUID) -> HttpResponse:
    app = _app(pk)
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if request.method == "POST" and form.is_valid():
        try:
            return _store(request, app, **credential_fields(form))
        except ValidationError as error:
            form.add_error(None, error.messages)
        except KeyringError as error:
            form.add_error(None, render_error(error))
    return _page(request, app, upload=form)


@require_right(Right.CHANGE, of=AppRegistration)
def certificate_make(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Create a key pair. The credential page verifies it once the certificate is in the portal."""
    app = _app(pk)
    if request.method != "POST":
        return redirect("certificate-add", pk)
    form = MakeForm(request.POST)
    if not form.is_valid():
        return _page(request, app, make=form)
    try:
        pair = certificates.generate(app.name, now=timezone.now(), lasts=form.lasts)
        stored = store_pair(app, **fields_of(pair, form.cleaned_data["description"]))
    except KeyringError as error:
        form.add_error(None, render_error(error))
        return _page(request, app, make=form)
    messages.success(request, _("The key is created and stored encrypted. Now upload its certificate in the portal."))
    return redirect("credential", stored.pk)


@require_right(Right.LOOK, of=Credential)
@require_safe
def credential_certificate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Download the public half in the format of the portal."""
    found = get_object_or_404(Credential.objects.select_related("app").defer("value"), pk=pk)
    if not found.certificate:
        return redirect("credential", pk)
    response = HttpResponse(found.certificate, content_type="application/x-pem-file")
    name = slugify(found.app.name) or "certificate"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.cer"'
    return response


def _app(pk: UUID) -> AppRegistration:
    return get_object_or_404(AppRegistration.objects.select_related("tenant"), pk=pk)


def _store(request: HttpRequest, app: AppRegistration, **fields: Any) -> HttpResponse:
    if app.current_credential is None:
        stored = store_pair(app, **fields)
        say_stored(request, stored, _("The certificate is stored and in use."))
        return redirect("credential", stored.pk)
    return verification_response(request, rotation.rotate(app, **fields, now=timezone.now()))


def store_pair(app: AppRegistration, **fields: Any) -> Credential:
    """Store the pair: in use at once if the app has no credential, else waiting. Makes no request to Entra."""
    if app.current_credential is None:
        return add_credential(app, **fields)
    return rotation.stage(app, **fields)


def credential_fields(form: UploadForm) -> dict[str, Any]:
    """The fields of a new credential from a valid form."""
    data = form.cleaned_data
    return fields_of(data["pair"], data["description"]) | {"key_id": data["key_id"]}


def fields_of(pair: KeyPair, description: str) -> dict[str, Any]:
    return {
        "value": pair.private_key,
        "certificate": pair.certificate,
        "starts_at": pair.starts_at,
        "expires_at": pair.expires_at,
        "description": description,
    }


def _page(
    request: HttpRequest, app: AppRegistration, *, upload: UploadForm | None = None, make: MakeForm | None = None
) -> HttpResponse:
    context = {
        "app": app,
        "upload": upload or UploadForm(),
        "make": make or MakeForm(),
        "is_first": app.current_credential is None,
        "links": portal_links(("credentials",), app.tenant, app),
    }
    return render(request, "credentials/new_certificate.html", context)
