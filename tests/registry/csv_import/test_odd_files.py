"""Files that other importers spoil or refuse, by public reports: each is read as meant or refused in words.

Reports of Excel, PowerShell and `az` name the fault beside the row; where none is named, the kind is a sibling of those
next to it.
"""

from __future__ import annotations

import datetime as dt
import io

import pytest

from alertadmin.registry.csv_import import ImportOptions, NotImported, import_registrations
from alertadmin.registry.models import AppRegistration, Credential, Tenant
from tests.registry.csv_import.csv_files import ALERT, HARBOUR, NORTHPARK, NOW
from tests.registry.csv_import.workbooks import workbook

pytestmark = pytest.mark.django_db

HEADER = "tenant_name,directory_id,app_name,client_id,secret_expires_on"
ROW = f"Northpark,{NORTHPARK},ALERT,{ALERT},2027-12-31"
TABLE = f"{HEADER}\n{ROW}\n"
END = '{"endDateTime": "2027-12-31T00:00:00Z"}'
APP = f'{{"appId": "{ALERT}", "displayName": "ALERT", "passwordCredentials": [{END}]}}'
FOR_FILE = ImportOptions(directory_id=NORTHPARK, tenant_name="Northpark")


def row(**cells: str) -> str:
    """The table with one row, and cells changed or added in columns behind."""
    named = dict(zip(HEADER.split(","), ROW.split(","), strict=True)) | cells
    return ",".join(named) + "\n" + ",".join(f'"{cell}"' if "\n" in cell else cell for cell in named.values()) + "\n"


def quoted(text: str, left: str, right: str) -> str:
    lines = text.splitlines()
    return "".join(",".join(f"{left}{cell}{right}" for cell in line.split(",")) + "\n" for line in lines)


READ: dict[str, str | bytes] = {
    "line ends of old Macs": TABLE.replace("\n", "\r"),
    "doubled carriage returns": TABLE.replace("\n", "\r\r\n"),
    # github.com/dotCMS/core/issues/36508, github.com/molgenis/molgenis/issues/6492
    "byte order mark before a quoted name": "\ufeff" + quoted(TABLE, '"', '"'),
    "two byte order marks": "\ufeff\ufeff" + TABLE,
    "UTF-16 without a mark": TABLE.encode("utf-16-be"),
    "end of a text of DOS": TABLE + "\x1a",
    # github.com/JulianHayward/AzADServicePrincipalInsights/issues/8
    "the separator in a first line": "sep=;\n" + TABLE.replace(",", ";"),
    "the same, quoted": '"sep=;"\n' + TABLE.replace(",", ";"),
    "the same, capitals and spaces": "SEP = ;\n" + TABLE.replace(",", ";"),
    # github.com/modmore/importX/issues/24
    "carets": TABLE.replace(",", "^"),
    "semicolons of full width": TABLE.replace(",", "；"),
    # github.com/KAMRONBEK/talim-ai/issues/48
    "semicolons": TABLE.replace(",", ";"),
    "single quotation marks": quoted(TABLE, "'", "'"),
    "quotation marks of a word processor": quoted(TABLE, "“", "”"),
    "spaces behind the separators": quoted(TABLE, '"', '"').replace(",", ", "),
    "each line in quotation marks": "".join(f'"{line}"\n' for line in TABLE.splitlines()),
    "the same, with quoted cells": "".join(f'"{line}"\n' for line in quoted(TABLE, '""', '""').splitlines()),
    # github.com/code42/code42cli/pull/284, github.com/dfinke/ImportExcel/issues/830: what keeps Excel from numbers
    "IDs as formulas": row(directory_id=f'"=""{NORTHPARK}"""', client_id=f'="{ALERT}"'),
    "IDs behind an apostrophe": row(directory_id=f"'{NORTHPARK}", client_id=f"'{ALERT}"),
    "IDs in braces": row(directory_id=f"{{{NORTHPARK}}}", client_id=f"{{{ALERT.upper()}}}"),
    "direction marks around IDs": row(directory_id=f"\u200f{NORTHPARK}\u200f", client_id=f"\u202a{ALERT}\u202c"),
    "no-break spaces": row(secret_expires_on="\u00a031\u00a0déc.\u00a02027", client_id=f"\u00a0{ALERT}\u00a0"),
    "a title and blank lines above": f"App secrets report\n\nGenerated: 2026-11-30\n\n{TABLE}",
    # github.com/pbogre/jetlog/issues/34
    "separators at the end": TABLE.replace("\n", ",,,\n"),
    "joined files": TABLE + TABLE.splitlines()[0] + "\n",
    "a table of a wiki": f"| {HEADER.replace(',', ' | ')} |\n|{'---|' * 5}\n| {ROW.replace(',', ' | ')} |\n",
    "cells without a value": row(mailbox="NULL", owner="N/A", cloud="-", transport="null", contact_emails="none"),
    "milliseconds": row(secret_expires_on="1830211200000"),
    # all output of `az` in one file
    "warnings before JSON": f"WARNING: The output includes credentials.\n[{APP}]",
    "JSON in colours": f"\x1b[1;39m[{APP}]",
    "one JSON a line": f"{APP}\n",
    "a date of Excel": workbook(HEADER.split(","), [*ROW.split(",")[:4], dt.date(2027, 12, 31)]),
    "a serial of Excel": workbook(HEADER.split(","), [*ROW.split(",")[:4], 46752]),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_it_is_read_as_meant(name: str) -> None:
    content = READ[name]
    content = content if isinstance(content, bytes) else content.encode()
    done = import_registrations(io.BytesIO(content), now=NOW, options=FOR_FILE)
    assert done.refused == []
    app = AppRegistration.objects.select_related("tenant").get()
    assert (app.tenant.name, app.tenant.directory_id) == ("Northpark", NORTHPARK)
    assert (app.name, app.client_id, app.owner) == ("ALERT", ALERT, "")
    assert Credential.objects.get().expires_at == dt.datetime(2027, 12, 31, tzinfo=dt.UTC)


TYPE_OF_VALUE = "PowerShell wrote the type of the value"
FOR_THE_EYE = "This is a list laid out to be read"
REFUSED: dict[str, tuple[str | bytes, str]] = {
    # github.com/microsoft/MicrosoftGraphSecurity/issues/14, github.com/microsoft/CSS-Exchange/pull/1110
    "System.Object[] as an owner": (row(owner="System.Object[]"), TYPE_OF_VALUE),
    "System.Object[] as a date": (row(secret_expires_on="System.Object[]"), TYPE_OF_VALUE),
    # github.com/Microsoft365DSC/Microsoft365DSC/issues/3173
    "a dictionary": (row(owner="System.Collections.Specialized.OrderedDictionary"), TYPE_OF_VALUE),
    "a generic list": (row(owner="System.Collections.Generic.List`1[System.String]"), TYPE_OF_VALUE),
    "an object of the Graph SDK": (
        row(owner="Microsoft.Graph.PowerShell.Models.MicrosoftGraphDirectoryObject"),
        TYPE_OF_VALUE,
    ),
    # github.com/Azure/azure-docs-powershell-samples/pull/371: the sample that lists an app's secrets in one cell
    "two dates in a cell": (row(secret_expires_on="12/31/2027 00:00:00\n11/30/2028 00:00:00"), "has 2 dates"),
    "two IDs in a cell": (row(key_id=f"{ALERT}; {HARBOUR}"), "has 2 IDs"),
    # github.com/microsoftgraph/powershell-intune-samples/issues/140, github.com/Quartz/bad-data-guide/issues/33
    "an ID as a number": (row(client_id="1.23E+35"), "This is not an ID"),
    "a narrow column": (row(secret_expires_on="########"), "column is too narrow"),
    "no end": (row(secret_expires_on="Never"), "a secret always expires"),
    "no end in French": (row(secret_expires_on="N’expire jamais"), "a secret always expires"),
    "a state for a date": (row(secret_expires_on="Expired"), "This is not a date"),
    "days left for a date": (row(secret_expires_on="396"), "This is not a date"),
    "a time for a date": (workbook(HEADER.split(","), [*ROW.split(",")[:4], dt.time(10)]), "This is not a date"),
    "a domain for a directory": (row(directory_id="n.onmicrosoft.com"), "This is a domain"),
    "a boolean for a kind": (row(credential_type="True"), "Write one of: certificate, secret."),
    "a sum below": (TABLE + "Total,,,,1\n", "line 3"),
    "a remark below": (TABLE + "\nExported 2026-11-30 by bo@x.example\n", "line 4"),
    # github.com/microsoft/AzureADGraphApps/issues/9: two tables in one file
    "a second table": (TABLE + "\nMailbox,Transport\nalarms@x.example,graph\n", "line 4"),
    "rows separated otherwise": (f"{HEADER.replace(',', ';')}\n{ROW}\n", "line 2"),
    "Format-Table": (f"DisplayName AppId\n----------- -----\nALERT       {ALERT}\n", FOR_THE_EYE),
    "az -o table": (f"DisplayName    AppId\n-------------  ------\nALERT          {ALERT}\n", FOR_THE_EYE),
    "Format-List": (f"DisplayName : ALERT\nAppId       : {ALERT}\n", FOR_THE_EYE),
    "az -o yaml": (f"- appId: {ALERT}\n  displayName: ALERT\n", FOR_THE_EYE),
    "az -o tsv": (f"ALERT\t{ALERT}\n", "The first line must name the columns"),
    "no header": (f"{ROW}\n", "The first line must name the columns"),
    "a table of a web page": ("<table><tr><td>tenant_name</td></tr></table>", "This is a web page"),
    "UTF-32": (TABLE.encode("utf-32"), "binary data"),
    "zeros of a broken disk": (TABLE.encode() + bytes(10), "binary data"),
    "a quotation mark that is not closed": (TABLE + f'"N,{HARBOUR},B,{ALERT},2027-12-31\n', "This is no CSV line"),
    "quotation marks escaped by backslashes": (TABLE + '"Bo \\"B\\" Ek",x,y\n', "This is no CSV line"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_words_and_nothing_is_stored(name: str) -> None:
    content, words = REFUSED[name]
    content = content if isinstance(content, bytes) else content.encode()
    with pytest.raises(NotImported) as refused:
        import_registrations(io.BytesIO(content), now=NOW, options=FOR_FILE)
    assert words in str(refused.value)
    assert not Tenant.objects.exists()


@pytest.mark.parametrize(("length", "is_read"), [(161, True), (256, True), (257, False)])
def test_a_name_may_be_as_long_as_in_entra(length: int, is_read: bool) -> None:
    content = row(tenant_name="n" * length, app_name="é" * length).encode()
    done = import_registrations(io.BytesIO(content), now=NOW, options=ImportOptions(is_partial=True))
    assert [one.column for one in done.refused] == ([] if is_read else ["tenant_name", "app_name"])
    assert AppRegistration.objects.exists() == is_read
