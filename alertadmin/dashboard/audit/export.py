"""Export of the audit trail: CSV for spreadsheets, JSON lines with digests to verify the chain elsewhere."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from alertadmin.audit import AuditEntry
from alertadmin.registry.text import escape_formula

FIELDS = tuple(field.attname for field in AuditEntry._meta.concrete_fields)
AT_ONCE = 500


@dataclass(frozen=True)
class AuditFormat:
    name: str
    label: str | Promise
    content_type: str
    pieces: Callable[[Iterable[AuditEntry]], Iterator[bytes]]


def cell(value: Any) -> str:
    """A cell that no spreadsheet evaluates."""
    return escape_formula(value if isinstance(value, str) else "" if value is None else str(value))


def _rows(entries: Iterable[AuditEntry]) -> Iterator[list[Any]]:
    for entry in entries:
        yield [entry.at.isoformat() if name == "at" else getattr(entry, name) for name in FIELDS]


def as_csv(entries: Iterable[AuditEntry]) -> Iterator[bytes]:
    lines = (
        [json.dumps(one, ensure_ascii=False) if isinstance(one, dict) else one for one in row] for row in _rows(entries)
    )
    return _written([list(FIELDS)], lines)


def _written(*parts: Iterable[list[Any]]) -> Iterator[bytes]:
    for part in parts:
        for row in part:
            text = io.StringIO()
            csv.writer(text).writerow([cell(one) for one in row])
            yield text.getvalue().encode("utf-8", "replace")


def as_json_lines(entries: Iterable[AuditEntry]) -> Iterator[bytes]:
    for row in _rows(entries):
        yield json.dumps(dict(zip(FIELDS, row, strict=True)), ensure_ascii=False, default=str).encode() + b"\n"


FORMATS = {
    one.name: one
    for one in (
        AuditFormat("csv", _("CSV, for a spreadsheet"), "text/csv; charset=utf-8", as_csv),
        AuditFormat("jsonl", _("JSON lines, with digests"), "application/x-ndjson", as_json_lines),
    )
}
