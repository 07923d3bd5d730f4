"""Files as programs and public scripts write them are imported whole, with the right dates, and again without changes.

Sources: those handed to the project by their users, and the `Export-Csv` of public scripts, named beside each row.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from alertadmin.registry.csv_import import ImportOptions, ImportResult, import_registrations
from alertadmin.registry.models import AppRegistration, Contact, Credential, Tenant
from tests.registry.csv_import.csv_files import ALERT, HARBOUR, NORTHPARK, NOW, refusal

pytestmark = pytest.mark.django_db

HEADER = (
    "tenant_name{0}directory_id{0}contact_emails{0}app_name{0}client_id{0}secret_description{0}secret_expires_on{0}"
    "mailbox{0}transport"
)
K1, K2 = "6513270e-269e-4d37-b2a7-4de452e6b438", "d23f0824-128b-4f33-8c5c-7fd0a6a3a450"
TENANT = ImportOptions(directory_id=NORTHPARK, tenant_name="Northpark")
Secret = tuple[str, str, str, str]
"""App, description, key ID, day of expiry."""


def imported(content: str | bytes, options: ImportOptions = TENANT) -> ImportResult:
    """The result of the first import; the second must change nothing."""
    content = content.encode() if isinstance(content, str) else content
    first = import_registrations(io.BytesIO(content), now=NOW, options=options)
    again = import_registrations(io.BytesIO(content), now=NOW, options=options)
    assert (again.added, again.changed) == (0, 0)
    return first


def secrets() -> list[Secret]:
    found = Credential.objects.select_related("app").order_by("app__name", "expires_at", "kind")
    return [(one.app.name, one.description, one.key_id, f"{one.expires_at:%Y-%m-%d}") for one in found]


def registered(*cells: str, separator: str = ",", more: str = "", value: str = "") -> str:
    """A file with the columns of the template and one row; `cells`: tenant, contacts, end."""
    tenant, contacts, end = cells
    row = [tenant, NORTHPARK, contacts, "Mail", ALERT, "relay 2026", end, "", "graph"]
    return f"{HEADER.format(separator)}{more}\r\n{separator.join(row)}{value}\r\n"


@pytest.mark.parametrize(
    ("content", "tenant"),
    [
        (registered("Bäckerei Müller", "", "2027-12-31", separator=";").encode("cp1252"), "Bäckerei Müller"),
        (registered("Société des Eaux", "", "2027-12-31", separator=";").encode("cp1252"), "Société des Eaux"),
        (registered("US Inc", "it@kunde.example", "12/31/2027"), "US Inc"),
        (registered("FR SA", "it@kunde.example", "31/12/2027", separator=";"), "FR SA"),
        (registered("DE GmbH", "it@kunde.example", "31.12.2027", separator=";"), "DE GmbH"),
        (registered("Slash Ltd", "it@kunde.example", "2027/12/31"), "Slash Ltd"),
    ],
)  # fmt: skip
def test_a_spreadsheet_of_any_country_is_read(content: str | bytes, tenant: str) -> None:
    imported(content, ImportOptions())
    assert Tenant.objects.get().name == tenant
    assert secrets() == [("Mail", "relay 2026", "", "2027-12-31")]


def test_addresses_are_taken_out_of_what_outlook_copies() -> None:
    contacts = '"Svensson, Anna <anna@kunde.example>; Bo Ek <bo@kunde.example>"'
    imported(registered("Outlook Ltd", contacts, "2027-12-31", separator=";"), ImportOptions())
    assert list(Contact.objects.values_list("email", flat=True)) == ["anna@kunde.example", "bo@kunde.example"]


def test_a_column_that_is_not_known_is_left_out_and_said() -> None:
    done = imported(
        registered("Notes Ltd", "it@kunde.example", "2027-12-31", separator=";", more=";Notes", value=";call Bo first"),
        ImportOptions(),
    )
    assert ["notes" in remark.message for remark in done.remarks] == [True]
    assert AppRegistration.objects.get().notes == ""


def test_all_living_secrets_of_an_app_are_monitored() -> None:
    lines = [
        f"Inventory,{NORTHPARK},Mail,{ALERT},{name},{end}"
        for name, end in (
            ("old 2024", "2026-12-10"),
            ("portal 2025", "2027-06-30"),
            ("terraform", "2028-01-31"),
        )
    ]
    imported("\n".join(["tenant_name,directory_id,app_name,client_id,secret_description,secret_expires_on", *lines]))
    assert [(one[1], one[3]) for one in secrets()] == [
        ("old 2024", "2026-12-10"),
        ("portal 2025", "2027-06-30"),
        ("terraform", "2028-01-31"),
    ]
    assert Credential.objects.watched().count() == 3


POWERSHELL = (
    '\ufeff"ApplicationName","SecretEndDate","SecretId"\r\n'
    f'"Mail relay","31/12/2027 23:59:59","{K1}"\r\n"Scanner","05/03/2027 10:00:00","{K2}"\r\n'
)


def test_what_a_powershell_export_lacks_is_asked_for() -> None:
    content = POWERSHELL.encode()
    assert "directory_id is missing" in str(refusal(content))
    with pytest.raises(Exception, match="give its client ID"):
        import_registrations(io.BytesIO(content), now=NOW, options=TENANT)
    tenant = Tenant.objects.create(name="Northpark", directory_id=NORTHPARK)
    for name, client_id in (("mail relay", ALERT), ("Scanner", HARBOUR)):
        AppRegistration.objects.create(tenant=tenant, name=name, client_id=client_id)
    import_registrations(io.BytesIO(content), now=NOW, options=TENANT)
    assert {(key, end) for _app, _name, key, end in secrets()} == {(K1, "2027-12-31"), (K2, "2027-03-05")}
    again = import_registrations(io.BytesIO(content), now=NOW, options=TENANT)
    assert (again.added, again.changed) == (0, 0)


JSON = f"""[{{"appId": "{ALERT}", "displayName": "Mail relay", "passwordCredentials": [
  {{"displayName": null, "endDateTime": "2027-12-31T00:00:00Z", "hint": "24b", "keyId": "{K1}"}}]}}]"""


def test_the_list_of_az_needs_the_tenant_alone() -> None:
    imported(JSON)
    assert secrets() == [("Mail relay", "", K1, "2027-12-31")]
    assert Tenant.objects.get().name == "Northpark"


def test_the_credentials_of_one_app_need_the_app_too() -> None:
    credentials = f'[{{"customKeyIdentifier": null, "endDateTime": "2027-12-31T00:00:00Z", "keyId": "{K1}"}}]'
    app = ImportOptions(directory_id=NORTHPARK, tenant_name="Northpark", client_id=ALERT, app_name="Relay")
    imported(credentials, app)
    assert secrets() == [("Relay", "", K1, "2027-12-31")]


def table(*lines: Sequence[str]) -> str:
    return "".join(",".join(f'"{cell}"' for cell in line) + "\r\n" for line in lines)


ONE = [("Relay", "", K1, "2027-12-31")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # github.com/zmustafa/AzureSmartTools, AppRegistrationNearExpiry.ps1
        (
            table(
                ("App", "ObjectID", "Owner", "AppId", "Type", "KeyIdentifier", "ExpiryDate"),
                ("Relay", K2, "bo@x.example", ALERT, "PasswordCredential", K1, "12/31/2027 12:00:00 AM"),
            ),
            ONE,
        ),
        # the same script, of certificates: the thumbprint stands as the key's identifier
        (
            table(
                ("App", "ObjectID", "Owner", "AppId", "Type", "KeyIdentifier", "EndDate"),
                ("Relay", K2, "bo@x.example", ALERT, "KeyCredential", "mQK5Ew==", "12/31/2027 12:00:00 AM"),
            ),
            [("Relay", "", "", "2027-12-31")],
        ),
        # github.com/christopher-auror/SchnickSchnack, AZ_MEID_Show_All_AppReg_Secrets.ps1
        (
            table(
                ("App", "ObjectID", "AppId", "Type", "KeyIdentifier", "EndDate"),
                ("Relay", K2, ALERT, "MicrosoftGraphPasswordCredential", "Not set", "31.12.2027 00:00:00"),
            ),
            [("Relay", "", "", "2027-12-31")],
        ),
        # github.com/pmchancrin/AuditAD, azureadappsinfo.ps1 (its app is found by the client ID of the file)
        (
            table(
                ("CredentialType", "DisplayName", "ExpiryDate", "StartDate", "KeyID", "Type", "Usage", "Owners",
                 "AppId"),
                ("PasswordCredentials", "Relay", "31/12/2027 00:00:00", "31/12/2025", K1, "NA", "NA", "bo@x.example",
                 ALERT),
            ),
            ONE,
        ),
        # scripts that select AppName beside each credential's own DisplayName (found by a search of public code)
        (
            table(
                ("AppName", "AppId", "DisplayName", "StartDateTime", "EndDateTime", "KeyId"),
                ("Relay", ALERT, "from 2025", "12/31/2025 9:00:00 AM", "12/31/2027 9:00:00 AM", K1),
            ),
            [("Relay", "from 2025", K1, "2027-12-31")],
        ),
        # Microsoft's sample "Export apps with expiring secrets and certificates" (learn.microsoft.com)
        (
            table(
                ("ApplicationName", "ApplicationID", "Secret Name", "Secret Start Date", "Secret End Date",
                 "Certificate Name", "Certificate Start Date", "Certificate End Date", "Owner", "Owner_ObjectID"),
                ("Relay", ALERT, "from 2025", "31/12/2025 00:00:00", "31/12/2027 00:00:00", "", "", "", "Bo Ek", K2),
            ),
            [("Relay", "from 2025", "", "2027-12-31")],
        ),
        # the portal's list of an app's secrets, copied into a spreadsheet, in French
        (
            "ID d’application (client);Nom d’affichage;Description;Date d’expiration;ID du secret\r\n"
            f"{ALERT};Relay;de 2025;31/12/2027;{K1}\r\n",
            [("Relay", "de 2025", K1, "2027-12-31")],
        ),
        # the same in German
        (
            "Anwendungs-ID (Client);Anwendungsname;Beschreibung;Gültig bis;Geheimnis-ID\r\n"
            f"{ALERT};Relay;von 2025;31.12.2027;{K1}\r\n",
            [("Relay", "von 2025", K1, "2027-12-31")],
        ),
        # what users of CIPP ask it for (github.com/KelvinTegelaar/CIPP/issues/2260): tenant, secret's name, expiry
        (
            table(
                ("Tenant", "TenantId", "DisplayName", "AppId", "SecretName", "KeyId", "Expires"),
                ("Northpark", NORTHPARK, "Relay", ALERT, "from 2025", K1, "2027-12-31T00:00:00Z"),
            ),
            [("Relay", "from 2025", K1, "2027-12-31")],
        ),
        # tables of Microsoft Graph in SQL (Steampipe): names with underscores
        (
            table(
                ("tenant_id", "app_id", "display_name", "credential_type", "key_id", "end_date_time"),
                (NORTHPARK, ALERT, "Relay", "Password", K1, "2027-12-31 00:00:00+00:00"),
            ),
            ONE,
        ),
        # `az ad app list --query "[].{{…}}"` as a tab-separated table with a header by hand
        (f"Name\tAppId\tEndDateTime\tKeyId\nRelay\t{ALERT}\t2027-12-31T00:00:00+00:00\t{K1}\n", ONE),
        # Alt+Enter in a cell, a title above, and empty columns behind
        (
            'Our secrets;;;;\r\n;;;;\r\nApp;App ID;"Expiry\r\ndate";Secret ID;\r\n'
            f"Relay;{ALERT};31.12.2027;{K1};\r\n",
            ONE,
        ),
    ],
)  # fmt: skip
def test_exports_of_public_scripts_are_read(content: str, expected: list[Secret]) -> None:
    done = imported(content)
    assert secrets() == expected
    assert done.refused == []


def test_a_tenant_gets_its_time_zone_and_language_and_the_app_its_owner() -> None:
    content = (
        "tenant_name;directory_id;time zone;Language;app_name;client_id;Owner;secret_expires_on\r\n"
        f"Northpark;{NORTHPARK};W. Europe Standard Time;fr-FR;Relay;{ALERT};Bo Ek;31.12.2027\r\n"
    )
    imported(content, ImportOptions())
    tenant = Tenant.objects.get()
    assert (tenant.time_zone, tenant.language) == ("Europe/Berlin", "fr")
    assert AppRegistration.objects.get().owner == "Bo Ek"
    assert Credential.objects.get().expires_at == datetime(2027, 12, 30, 23, tzinfo=UTC)


def test_the_zone_of_the_file_counts_for_new_tenants_alone() -> None:
    Tenant.objects.create(name="Harbour", directory_id=HARBOUR)
    lines = [f"Northpark,{NORTHPARK},Relay,{ALERT},2027-12-31", f"Harbour,{HARBOUR},Relay,{ALERT},2027-12-31"]
    content = "\n".join(["tenant_name,directory_id,app_name,client_id,secret_expires_on", *lines])
    imported(content, ImportOptions(time_zone="Europe/Paris"))
    found = {one.app.tenant.name: one.expires_at for one in Credential.objects.select_related("app__tenant")}
    assert found == {
        "Northpark": datetime(2027, 12, 30, 23, tzinfo=UTC),
        "Harbour": datetime(2027, 12, 31, tzinfo=UTC),
    }
    assert Tenant.objects.get(name="Harbour").time_zone == "UTC"


@pytest.mark.parametrize(
    ("column", "cell"),
    [("time_zone", "canary8Q~secret"), ("language", "canary8Q~secret"), ("key_id", "canary8Q~secret"),
     ("credential_type", "canary8Q~secret")],
)  # fmt: skip
def test_a_secret_in_a_wrong_column_is_not_repeated(column: str, cell: str) -> None:
    header = f"tenant_name,directory_id,app_name,client_id,secret_expires_on,{column}"
    content = f"{header}\nN,{NORTHPARK},A,{ALERT},2027-12-31,{cell}\n"
    error = refusal(content.encode())
    assert [mistake.column for mistake in error.mistakes] == [column]
    assert "canary" not in str(error)


# By choice, the good rows alone


def test_the_good_rows_are_imported_and_the_others_named() -> None:
    lines = [
        f"Northpark,{NORTHPARK},Relay,{ALERT},2027-12-31",
        f"Northpark,{NORTHPARK},Scan,{K1},soon",
        f"Harbour,{HARBOUR},Relay,{ALERT},",  # an app with no secret
        f",{K2},Relay,{ALERT},2027-12-31",  # a new tenant without a name
        f",{K2},Scan,{K1},2027-12-31",
        f"Southpark,{NORTHPARK},Relay,{ALERT},2027-12-31",  # contradicts the first
    ]
    content = "\n".join(["tenant_name,directory_id,app_name,client_id,secret_expires_on", *lines])
    done = import_registrations(io.BytesIO(content.encode()), now=NOW, options=ImportOptions(is_partial=True))
    assert [(remark.line, remark.column) for remark in done.refused] == [
        (3, "secret_expires_on"),
        (5, "tenant_name"),
        (6, "tenant_name"),
        (7, "tenant_name"),
    ]
    assert (done.rows, done.added) == (6, 5)
    assert sorted(Tenant.objects.values_list("name", flat=True)) == ["Harbour", "Northpark"]
    assert secrets() == [("Relay", "", "", "2027-12-31")]
