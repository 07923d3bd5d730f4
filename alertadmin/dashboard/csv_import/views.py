from __future__ import annotations

import csv
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.crypto.keyring import KeyringError
from alertadmin.dashboard.csv_import.columns import EXPLAINED
from alertadmin.dashboard.ui.upload_handlers import LIMIT
from alertadmin.registry.csv_import import (
    COLUMNS,
    ImportOptions,
    ImportResult,
    NotImported,
    Remark,
    import_registrations,
)
from alertadmin.registry.date_parser import DayOrder
from alertadmin.stored_messages import render_error


class FileForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        help_text=gettext_lazy("As Excel or PowerShell saves it, up to 10 MB. It is read and not stored."),
    )

    day_order = forms.ChoiceField(
        label=gettext_lazy("Dates such as 03/04/2027"),
        required=False,
        choices=[
            ("", gettext_lazy("as the other dates of the file show")),
            (DayOrder.DAY_FIRST.value, gettext_lazy("day first: 3 April 2027")),
            (DayOrder.MONTH_FIRST.value, gettext_lazy("month first: March 4, 2027")),
        ],
    )

    def clean_day_order(self) -> DayOrder | None:
        return DayOrder(self.cleaned_data["day_order"]) if self.cleaned_data["day_order"] else None

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LIMIT:
            raise forms.ValidationError(
                _("The file is larger than 10 MB. Split it, or use the command import_registrations.")
            )
        return file


@require_right(Right.CHANGE, in_all_tenants=True)
def importing(request: HttpRequest) -> HttpResponse:
    form = FileForm(request.POST, request.FILES) if request.method == "POST" else FileForm()
    mistakes: list[Remark] = []
    imported: ImportResult | None = None
    if request.method == "POST" and form.is_valid():
        try:
            imported = import_registrations(
                form.cleaned_data["file"], now=timezone.now(), options=ImportOptions(form.cleaned_data["day_order"])
            )
        except NotImported as error:
            mistakes = error.mistakes
        except KeyringError as error:
            form.add_error(None, render_error(error))
    if imported:
        messages.success(request, _("Rows: %(rows)d. Added: %(added)d, changed: %(changed)d.") % asdict(imported))
        if not imported.remarks:
            return redirect("tenants")
    remarks = imported.remarks if imported else []
    context = {"form": form, "mistakes": mistakes, "remarks": remarks, "columns": EXPLAINED}
    return render(request, "csv_import/import.html", context, status=422 if mistakes or form.errors else 200)


@require_right(Right.CHANGE, in_all_tenants=True)
def template(request: HttpRequest) -> HttpResponse:
    """Download the header row with a byte order mark, separated as spreadsheets of this language expect."""
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="registrations.csv"'
    separator = ";" if (get_language() or "").startswith("fr") else ","
    csv.writer(response, delimiter=separator).writerow(COLUMNS)
    return response
