from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mailer.diagnosis import diagnose


class ErrorForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("The error text"),
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=gettext_lazy("From ALERT, a log, PowerShell, a bounce: whole or cut. It is not stored."),
    )


def diagnosis(request: HttpRequest) -> HttpResponse:
    """Posted, never in the address: an error text may name people and tenants."""
    form = ErrorForm(request.POST or None)
    found = diagnose(form.cleaned_data["text"], translate=_) if request.method == "POST" and form.is_valid() else None
    return render(request, "diagnosis/diagnosis.html", {"form": form, "diagnosis": found})
