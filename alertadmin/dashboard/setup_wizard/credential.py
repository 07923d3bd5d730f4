"""Step 5, credential: the form of a secret or certificate, its verification, then the consent check."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction, Result
from alertadmin.crypto.keyring import KeyringError
from alertadmin.dashboard.credentials.certificate_views import (
    MakeForm,
    UploadForm,
    credential_fields,
    fields_of,
    store_pair,
)
from alertadmin.dashboard.credentials.forms import SecretForm
from alertadmin.dashboard.credentials.responses import say_start
from alertadmin.dashboard.setup_wizard import progress
from alertadmin.dashboard.setup_wizard.base import go_on, page, step
from alertadmin.dashboard.setup_wizard.consent import check
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.dashboard.ui.kept_secrets import forget_secrets, keeps_secrets
from alertadmin.registry.credentials import certificates, rotation
from alertadmin.registry.credentials.rotation import Replacement
from alertadmin.registry.credentials.verification import verify_credential
from alertadmin.registry.models import AppRegistration, Credential, CredentialState, SetupProgress
from alertadmin.registry.registration import add_credential
from alertadmin.stored_messages import render_error

METHODS = ("secret", "make", "upload")


@require_right(Right.CHANGE, of=SetupProgress)
@keeps_secrets("value", also_sensitive=("passphrase",))
@step("credential")
def guide_credential(request: HttpRequest, guide: SetupProgress) -> HttpResponse:
    """`?by=` chooses the kind: a pasted secret, a created certificate or an uploaded one."""
    assert guide.app is not None  # noqa: S101 (else it cannot be reached)
    method = request.GET.get("by", "")
    method = method if method in METHODS else "secret"
    form = _form(request, method, guide)
    if request.method == "POST" and form.is_valid():
        try:
            return _store_credential(request, guide, method, form)
        except ValidationError as error:
            form.add_error(None, error.messages)
        except KeyringError as error:
            form.add_error(None, render_error(error))
    return _page(request, guide, method, form)


def _form(request: HttpRequest, method: str, guide: SetupProgress) -> SecretForm | MakeForm | UploadForm:
    data = request.POST if request.method == "POST" else None
    if method == "make":
        return MakeForm(data)
    if method == "upload":
        return UploadForm(data, request.FILES if data is not None else None)
    return SecretForm(data, zone=guide.tenant.zone)


def _store_credential(request: HttpRequest, guide: SetupProgress, method: str, form: forms.Form) -> HttpResponse:
    assert guide.app is not None  # noqa: S101
    data, now = form.cleaned_data, timezone.now()
    if isinstance(form, MakeForm):
        pair = certificates.generate(guide.app.name, now=now, lasts=form.lasts)
        store_pair(guide.app, **fields_of(pair, data["description"]))
        messages.success(
            request, _("The key is created and stored encrypted. Now upload its certificate in the portal.")
        )
        return redirect("guide-credential", guide.pk)
    if isinstance(form, UploadForm):
        return _respond(request, guide, _store_and_verify(guide.app, credential_fields(form)))
    names = ("value", "description", "key_id", "starts_at", "expires_at")
    return _respond(request, guide, _store_and_verify(guide.app, {name: data[name] for name in names}))


def _store_and_verify(app: AppRegistration, values: dict[str, Any]) -> Replacement:
    """Store first, then verify: the portal shows a value once, so a network error must not lose it."""
    now = timezone.now()
    if app.current_credential is not None:
        return rotation.rotate(app, **values, now=now)
    return _verify(add_credential(app, **values))


def _verify(credential: Credential) -> Replacement:
    now = timezone.now()
    if credential.state == CredentialState.NEXT:
        return rotation.promote(credential, now=now)
    proof = verify_credential(credential, now=now)
    with transaction.atomic():
        result = Result.DONE if proof.ok else Result.FAILED
        audit.record(AuditAction.CREDENTIAL_PROVEN, credential, result=result, cause=proof.cause, now=now)
    return Replacement(credential, proof.ok, proof.cause, proof.technical)


def _respond(request: HttpRequest, guide: SetupProgress, replacement: Replacement) -> HttpResponse:
    assert guide.app is not None  # noqa: S101
    if replacement.is_early:
        say_start(request, replacement.credential)
        return redirect("guide-credential", guide.pk)
    if not replacement.proven:
        forget_secrets(request)
        method = "secret" if not replacement.credential.certificate else "make"
        return _page(request, guide, method, None, replacement=replacement)
    messages.success(request, _("Verified and in use."))
    if guide.app.required_permissions and not guide.is_scoped:
        check(request, guide)
    return go_on(guide)


def _page(
    request: HttpRequest,
    guide: SetupProgress,
    method: str,
    form: forms.Form | None,
    replacement: Replacement | None = None,
) -> HttpResponse:
    assert guide.app is not None  # noqa: S101
    waiting = progress.unverified_credential(guide)
    context: dict[str, Any] = {
        "method": method,
        "form": form or _empty_form(method, guide),
        "waiting": waiting,
        "needs_credential": waiting is None or not waiting.certificate or ("by" in request.GET and replacement is None),
        "thumbprints": certificates.thumbprints(waiting.certificate) if waiting and waiting.certificate else None,
        "current": progress.verified_credential(guide),
        "replacement": replacement,
    }
    return page(request, guide, "credential", **context)


def _empty_form(method: str, guide: SetupProgress) -> forms.Form:
    return MakeForm() if method == "make" else SecretForm(zone=guide.tenant.zone)


@require_right(Right.CHANGE, of=SetupProgress)
@post_only(back="guide-credential")
def guide_prove(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Verify the credential that has no token yet."""
    return _prove(request, pk)


@step("credential")
def _prove(request: HttpRequest, guide: SetupProgress) -> HttpResponse:
    waiting = progress.unverified_credential(guide)
    return _respond(request, guide, _verify(waiting)) if waiting else go_on(guide)
