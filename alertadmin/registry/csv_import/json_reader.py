"""Reads JSON of `az`, Microsoft Graph and PowerShell into rows of cells: one row for each credential of each app.

Read are `az ad app list`, `az ad app credential list`, Graph's `/applications` (a page with "value"), `ConvertTo-Json`
of PowerShell's Graph objects (one or several, names in any letter case), lists of flat objects, and several documents
one behind the other. Source: Microsoft Graph, resource types application, passwordCredential, keyCredential.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from alertadmin.registry.csv_import.table import MAX_COLUMNS, RawTable, Remark, clean_cell, refuse_file

LISTS = {"passwordcredentials": "secret", "keycredentials": "certificate"}
APP = {
    "appid": "client_id",
    "displayname": "app_name",
    "signinaudience": "audience",
    "appownerorganizationid": "directory_id",
    "tenantid": "directory_id",
    "tenant": "tenant_name",
    "tenantname": "tenant_name",
    "owners": "owner",
}
"""Columns by the name of an app's property, in lower case. Other properties are not looked at."""
CREDENTIAL = {
    "displayname": "secret_description",
    "enddatetime": "secret_expires_on",
    "enddate": "secret_expires_on",
    "keyid": "key_id",
    "secrettext": "secret_value",
}
HEADER = [
    "tenant_name", "directory_id", "app_name", "client_id", "audience", "owner", "credential_type", "key_id",
    "secret_description", "secret_value", "secret_expires_on",
]  # fmt: skip
_BETWEEN = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder()
Row = dict[str, str]
Json = dict[str, Any]


def read_json(text: str) -> RawTable:
    """Raises NotImported if it is no JSON, or has neither apps nor credentials nor flat objects."""
    header = list(HEADER)
    rows: list[tuple[int, Row]] = []
    flat: list[tuple[int, Row]] = []
    table = RawTable()
    try:
        for item in _objects(text):
            properties = {str(name).lower(): value for name, value in item.items()}
            found = list(_credentials(properties, len(rows) + 1, table))
            rows += [(len(rows) + number, row) for number, row in enumerate(found, 1)]
            if not found:
                flat.append((len(flat) + 1, {str(name): _text(value) for name, value in item.items()}))
    except (ValueError, RecursionError) as error:
        raise refuse_file(_("This JSON ends in the middle or is damaged. Write the file again.")) from error
    if not rows:
        rows, header = flat, list(dict.fromkeys(name for _line, row in flat for name in row))[:MAX_COLUMNS]
    table.header = [name for name in header if any(row.get(name) for _line, row in rows)]
    if not table.header:
        raise refuse_file(_("This JSON has no app registrations. Write it with: az ad app list --all"))
    for line, row in rows:
        table.add(line, [clean_cell(row.get(name, "")) for name in table.header])
    return table


def _objects(text: str) -> Iterator[Json]:
    """The objects of all documents: elements of lists, of pages with "value", or a single one. Raises ValueError."""
    position = _skip(text, text.startswith("\ufeff"))
    while position < len(text):
        if text[position] == "[":
            position = yield from _elements(text, position + 1)
        else:
            value, position = _DECODER.raw_decode(text, position)
            yield from _unwrapped(value)
        position = _skip(text, position)


def _elements(text: str, position: int) -> Generator[Json, None, int]:
    """The elements of a list, one decoded at a time. Returns the position behind it; raises ValueError."""
    while (position := _skip(text, position)) < len(text) and text[position] != "]":
        value, position = _DECODER.raw_decode(text, position)
        yield from _unwrapped(value)
    if position == len(text):
        raise ValueError("the list does not end")
    return position + 1


def _unwrapped(value: object) -> Iterator[Json]:
    """An object, or those of a page of Graph's; Windows PowerShell wraps a list in "value" too."""
    if isinstance(value, dict):
        page = value.get("value")
        yield from (one for one in page if isinstance(one, dict)) if isinstance(page, list) else [value]


def _skip(text: str, position: int) -> int:
    match = _BETWEEN.match(text, position)
    return match.end() if match else position


def _credentials(properties: Json, number: int, table: RawTable) -> Iterator[Row]:
    """A row for each credential of an app, or for the app alone; none for another object."""
    if not LISTS.keys() & properties.keys():
        if "keyid" in properties and properties.keys().isdisjoint({"appid", "applicationid", "clientid"}):
            is_certificate = "usage" in properties or "x509" in str(properties.get("type")).lower()
            yield _row(properties, CREDENTIAL) | {"credential_type": "certificate" if is_certificate else "secret"}
        return
    app = _row(properties, APP)
    found = False
    for name, kind in LISTS.items():
        value = properties.get(name) or []
        if isinstance(value, str):
            message = _("The credentials were cut off. Write the file again with: ConvertTo-Json -Depth 5")
            table.mistakes.append(Remark(number, "", message))
        for one in [value] if isinstance(value, dict) else value:
            if isinstance(one, dict):
                found = True
                lower = {str(key).lower(): part for key, part in one.items()}
                yield app | _row(lower, CREDENTIAL) | {"credential_type": kind}
    if not found:
        yield app


def _row(properties: Json, columns: Mapping[str, str]) -> Row:
    return {column: text for name, column in columns.items() if (text := _text(properties.get(name)))}


def _text(value: object) -> str:
    """A cell's text. Lists of owners become names; Windows PowerShell writes a date as an object with "value"."""
    if isinstance(value, list):
        return "; ".join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        lower = {str(name).lower(): part for name, part in value.items()}
        names = ("value", "datetime", "userprincipalname", "mail", "displayname")
        return next((part for name in names if isinstance(part := lower.get(name), str)), "")
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
