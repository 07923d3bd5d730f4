"""The forms of an import: the file, and what its columns mean and what it lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import Access
from alertadmin.accounts.time_zones import TimeZoneFormField
from alertadmin.dashboard.csv_import.columns import LABELS
from alertadmin.dashboard.ui.model_picker_field import ModelPickerField
from alertadmin.dashboard.ui.time_zone_input import TimeZoneInput
from alertadmin.dashboard.ui.upload_handlers import LIMIT
from alertadmin.registry import guid, input_validation
from alertadmin.registry.csv_import.header import guess_columns, shown_name
from alertadmin.registry.csv_import.table import RawTable
from alertadmin.registry.date_parser import DayOrder, readings, settled_order
from alertadmin.registry.models import Tenant

MAX_LOOKED_AT = 5_000
"""Rows whose dates are read to find out whether the order of day and month has to be asked for."""
MAX_SAMPLE = 50
CHOICES: list[tuple[str, str | Promise]] = [("", gettext_lazy("Leave out")), *LABELS.items()]


class ImportFileForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx,.json,.txt,.tsv,text/csv,application/json"}),
        help_text=gettext_lazy(
            "An Excel workbook (.xlsx), CSV, or JSON of az or Microsoft Graph, up to 15 MB. It is kept encrypted for "
            "at most an hour, until it is imported."
        ),
    )
    text = forms.CharField(
        label=gettext_lazy("Or paste the table"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Cells copied from Excel with the row that names the columns, or JSON."),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file and file.size > LIMIT:
            raise forms.ValidationError(
                _("The file is larger than 15 MB. Split it, or use the command import_registrations.")
            )
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not cleaned.get("file") and not (cleaned.get("text") or "").strip():
            self.add_error("file", _("Choose a file, or paste the table below."))
        return cleaned

    def content(self) -> bytes:
        file, text = self.cleaned_data["file"], self.cleaned_data["text"]
        return bytes(file.read()) if file else text.encode("utf-8", "replace")


class ColumnsForm(forms.Form):
    """One field a column, and one for each thing that the file lacks. It never shows a cell of the file."""

    def __init__(self, raw: RawTable, access: Access, zone: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.raw = raw
        guessed = guess_columns(raw.header)
        for index, name in enumerate(guessed):
            self.fields[f"column-{index}"] = forms.ChoiceField(
                label=shown_name(raw.header[index], index + 1), choices=CHOICES, initial=name, required=False
            )
        chosen = self._columns(guessed)
        self._lacks_tenant = "directory_id" not in chosen
        if self._lacks_tenant:
            self._add_tenant(access)
        if not {"client_id", "app_name"} & set(chosen):
            self._add_app()
        if _is_ambiguous(raw, chosen):
            self.fields["day_order"] = forms.ChoiceField(
                label=gettext_lazy("Dates such as 03/04/2027"),
                choices=[
                    ("", gettext_lazy("Choose")),
                    (DayOrder.DAY_FIRST.value, gettext_lazy("day first: 3 April 2027")),
                    (DayOrder.MONTH_FIRST.value, gettext_lazy("month first: March 4, 2027")),
                ],
                help_text=gettext_lazy("No date of the file shows whether the day or the month comes first."),
            )
        if "time_zone" not in chosen:
            self.fields["time_zone"] = TimeZoneFormField(
                label=gettext_lazy("Time zone of new tenants"),
                initial=zone,
                required=False,
                widget=TimeZoneInput,
                help_text=gettext_lazy(
                    "Their expiry dates are read in it. Tenants that are registered keep their own."
                ),
            )

    def _columns(self, guessed: Sequence[str]) -> list[str]:
        if not self.is_bound:
            return list(guessed)
        return [str(self.data.get(f"column-{index}", "")) for index in range(len(guessed))]

    def _add_tenant(self, access: Access) -> None:
        picker = ModelPickerField(
            Tenant.objects.all(),
            by=("name", "directory_id"),
            label=gettext_lazy("Tenant of all rows"),
            required=False,
            help_text=gettext_lazy("The file does not name it. Choose it here, or enter a new one below."),
        )
        picker.fit(access)
        self.fields["tenant"] = picker
        self.fields["directory_id"] = forms.CharField(label=gettext_lazy("Directory (tenant) ID"), required=False)
        self.fields["tenant_name"] = forms.CharField(
            label=gettext_lazy("Name of the new tenant"), required=False, max_length=input_validation.LONGEST_NAME
        )

    def _add_app(self) -> None:
        self.fields["client_id"] = forms.CharField(
            label=gettext_lazy("Application (client) ID"),
            required=False,
            help_text=gettext_lazy("Of the app registration whose secrets the file lists."),
        )
        self.fields["app_name"] = forms.CharField(
            label=gettext_lazy("Name of the app registration"), required=False, max_length=input_validation.LONGEST_NAME
        )

    def clean_directory_id(self) -> str:
        text = self.cleaned_data["directory_id"]
        return input_validation.check_directory_id(text) if text else ""

    def clean_client_id(self) -> str:
        text = self.cleaned_data["client_id"]
        return guid.normalize(text) if text else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        columns = [name for name in self.columns if name]
        for name in sorted({name for name in columns if columns.count(name) > 1}):
            message = _("Two columns are taken for “%s”. Leave one out.") % LABELS[name]
            self.add_error(None, ValidationError(message))
        if self._lacks_tenant and not cleaned.get("tenant") and not cleaned.get("directory_id") and not self.errors:
            self.add_error("tenant", _("Choose the tenant, or enter the directory ID of a new one."))
        return cleaned

    @property
    def columns(self) -> list[str]:
        return [self.cleaned_data.get(f"column-{index}", "") for index in range(len(self.raw.header))]

    def answers(self) -> dict[str, Any]:
        """To store: what was chosen, without any cell of the file."""
        cleaned = self.cleaned_data
        tenant = cleaned.get("tenant")
        names = ("tenant_name", "client_id", "app_name", "time_zone", "day_order")
        return {name: cleaned.get(name) or "" for name in names} | {
            "columns": self.columns,
            "directory_id": tenant.directory_id if tenant else cleaned.get("directory_id") or "",
        }

    def column_rows(self) -> Iterator[tuple[forms.BoundField, str]]:
        """Each column's field, and what its cells look like."""
        sample = [cells for _line, cells in islice(self.raw.records, MAX_SAMPLE)]
        for index in range(len(self.raw.header)):
            yield self[f"column-{index}"], _looks_like([cells[index] for cells in sample if index < len(cells)])

    def other_fields(self) -> list[forms.BoundField]:
        return [field for field in self if not field.name.startswith("column-")]


def _looks_like(cells: Sequence[str]) -> str:
    """In words, since a cell may be a secret."""
    filled = [cell for cell in cells if cell]
    if not filled:
        return _("empty")
    kinds = (
        (_("IDs"), guid.is_guid),
        (_("e-mail addresses"), lambda text: "@" in text),
        (_("dates"), lambda text: bool(readings(text))),
    )
    for name, matches in kinds:
        if sum(map(matches, filled)) * 2 > len(filled):
            return name
    return _("text")


def _is_ambiguous(raw: RawTable, columns: Sequence[str]) -> bool:
    if "secret_expires_on" not in columns:
        return False
    index = columns.index("secret_expires_on")
    texts = {cells[index] for _line, cells in islice(raw.records, MAX_LOOKED_AT) if index < len(cells)}
    return settled_order(iter(texts)) is None and any(len(readings(text)) > 1 for text in texts)
