from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import Access, access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.diagnosis.matching import MatchResult, match_registrations
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.models import Tenant
from mailer.clouds import Cloud
from mailer.diagnosis import Diagnosis, diagnose
from mailer.diagnosis.identifiers import find_identifiers


class PastedField(forms.CharField):
    """Drops NUL characters: a UTF-16 log read as another encoding has one beside each character."""

    def to_python(self, value: object) -> str:
        text = super().to_python(value) or ""
        return text.replace("\0", "")


class ErrorForm(forms.Form):
    text = PastedField(
        label=gettext_lazy("The error text"),
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "From ALERT, a log, PowerShell or a bounce message: complete or truncated. It is not stored."
        ),
    )


@require_right(Right.LOOK)
def diagnosis(request: HttpRequest) -> HttpResponse:
    """POST only: an error text may name users and tenants and must not appear in URLs."""
    form = ErrorForm(request.POST or None)
    context: dict[str, object] = {"form": form}
    if request.method == "POST" and form.is_valid():
        context["diagnosis"], context["concerned"] = _explained(form.cleaned_data["text"], access_of(request))
    return render(request, "diagnosis/diagnosis.html", context)


def _explained(text: str, access: Access) -> tuple[Diagnosis, MatchResult]:
    """Explain the text with the values and links of the matched registration, if there is one."""
    first = diagnose(text, translate=_)
    known = match_registrations(find_identifiers(text), first.slug, access)
    if (meant := known.meant(first.found)) is None:
        return first, known
    said = diagnose(
        text,
        cloud=_cloud_of(meant.tenant),
        directory_id=first.found.directory_id or meant.tenant.directory_id,
        client_id=meant.app.client_id if meant.app else None,
        mailbox=meant.mailboxes[0].address if len(meant.mailboxes) == 1 else None,
        translate=_,
    )
    return said, known


def _cloud_of(tenant: Tenant) -> Cloud | None:
    try:
        return tenant.mail_cloud
    except UnknownCloud:
        return None
