"""JSON of az, Microsoft Graph and PowerShell: one row for each credential, from each layout that they write.

Sources: learn.microsoft.com (application, passwordCredential, keyCredential; az ad app list), PowerShell's
documentation of ConvertTo-Json (-Depth 2 by default; dates of Windows PowerShell as /Date(…)/), jsonlines.org.
"""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from alertadmin.registry.csv_import.table import NotImported
from alertadmin.registry.csv_import.table_reader import read_raw, table_of

END = "2027-12-31T00:00:00Z"
SECRET = {"displayName": None, "endDateTime": END, "hint": "24b", "keyId": "k1", "secretText": None}
APP = {"appId": "c1", "displayName": "Mail relay", "id": "o1", "passwordCredentials": [SECRET], "web": {"a": []}}
ROW = {
    "directory_id": "d",
    "app_name": "Mail relay",
    "client_id": "c1",
    "credential_type": "secret",
    "key_id": "k1",
    "secret_expires_on": END,
}


def rows(content: str | bytes) -> list[dict[str, str]]:
    content = content.encode() if isinstance(content, str) else content
    return [row.cells for row in table_of(read_raw(io.BytesIO(content)), defaults={"directory_id": "d"}).rows]


def pascal(value: Any) -> Any:
    """With names as PowerShell's objects have them."""
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: pascal(part) for name, part in value.items()}
    return [pascal(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([APP], indent=2),  # az ad app list
        json.dumps(APP),  # az ad app show
        json.dumps({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#applications", "value": [APP]}),
        json.dumps({"value": [APP], "Count": 1}),  # ConvertTo-Json of a list in Windows PowerShell 5.1
        json.dumps(pascal([APP])),  # Get-MgApplication | ConvertTo-Json -Depth 5
        json.dumps(pascal(APP)),
        json.dumps(pascal(APP)).encode("utf-16"),  # > file.json in Windows PowerShell
        json.dumps([APP]).encode("utf-8-sig"),
        json.dumps({**APP, "passwordCredentials": SECRET}),  # a list of one, unrolled by PowerShell
        json.dumps([{"value": [APP]}, {"value": []}]),  # pages, collected
        json.dumps(APP) + "\n",  # one object a line
        "[\r\n" + json.dumps(APP) + ",\r\n]",
    ],
)
def test_an_app_with_a_secret_is_read(content: str | bytes) -> None:
    assert rows(content) == [ROW]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("\\/Date(1830211200000)\\/", "/Date(1830211200000)/"),
        ("2027-12-31T00:00:00.0000000Z", "2027-12-31T00:00:00.0000000Z"),
    ],
)
def test_dates_of_powershell_reach_the_date_reader(written: str, text: str) -> None:
    assert rows(json.dumps([APP]).replace(END, written))[0]["secret_expires_on"] == text
    wrapped = json.dumps([APP]).replace(f'"{END}"', f'{{"value": "{written}", "DateTime": "Friday"}}')
    assert rows(wrapped)[0]["secret_expires_on"] == text


def test_each_credential_is_a_row_and_an_app_without_one_too() -> None:
    app = {
        "appId": "c1",
        "displayName": "A",
        "owners": [{"userPrincipalName": "bo@x.example"}, {"displayName": "Duty"}],
        "passwordCredentials": [{"keyId": "k1", "displayName": "one", "endDateTime": END}, {"keyId": "k2"}],
        "keyCredentials": [{"keyId": "k3", "type": "AsymmetricX509Cert", "endDateTime": END}],
    }
    found = rows(json.dumps([app, {"appId": "c2", "displayName": "B", "passwordCredentials": []}]))
    assert [(row["client_id"], row["key_id"], row["credential_type"]) for row in found] == [
        ("c1", "k1", "secret"),
        ("c1", "k2", "secret"),
        ("c1", "k3", "certificate"),
        ("c2", "", ""),
    ]
    assert [row["owner"] for row in found] == ["bo@x.example; Duty"] * 3 + [""]
    assert found[0]["secret_description"] == "one"


def test_a_list_of_credentials_lacks_the_app() -> None:
    certificate = {"type": "AsymmetricX509Cert", "usage": "Verify", "keyId": "k3", "endDateTime": END}
    found = rows(json.dumps([SECRET, certificate]))
    assert found == [
        {"directory_id": "d", "credential_type": "secret", "key_id": "k1", "secret_expires_on": END},
        {"directory_id": "d", "credential_type": "certificate", "key_id": "k3", "secret_expires_on": END},
    ]


def test_flat_objects_are_rows_with_the_names_as_header() -> None:
    # az ad app list --query "[].{…}", and what scripts write with ConvertTo-Json
    written = [{"Name": "A", "AppId": "c1", "SecretEndDate": END}, {"Name": "B", "AppId": "c2", "Enabled": True}]
    assert rows(json.dumps(written)) == [
        {"directory_id": "d", "app_name": "A", "client_id": "c1", "secret_expires_on": END},
        {"directory_id": "d", "app_name": "B", "client_id": "c2", "secret_expires_on": ""},
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "az ad app list"),
        ('{"value": []}', "az ad app list"),
        ("[1, 2]", "az ad app list"),
        ('[{"appId": "c1"', "in the middle"),
        ("[" * 100_000, "in the middle"),
        ('[{"appId": 1}, ]]', "in the middle"),
        ("{]", "in the middle"),
    ],
)
def test_json_without_apps_says_what_to_do(content: str, said: str) -> None:
    with pytest.raises(NotImported, match=said):
        rows(content)


def test_credentials_that_powershell_cut_off_are_said() -> None:
    cut = {**APP, "passwordCredentials": "Microsoft.Graph.PowerShell.Models.MicrosoftGraphPasswordCredential"}
    table = table_of(read_raw(io.BytesIO(json.dumps([cut]).encode())), defaults={"directory_id": "d"})
    assert [mistake.line for mistake in table.mistakes] == [1]
    assert "ConvertTo-Json -Depth 5" in table.mistakes[0].message
