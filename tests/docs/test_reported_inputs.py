"""Each input of public bug reports that was handed to the project has a test that holds it."""

from __future__ import annotations

import ast

import pytest

from alertadmin.paths import PROJECT

LAYOUTS = "registry/csv_import/test_layouts.py"
HELD_BY = {
    "PowerShell's export of name, end and ID": f"{LAYOUTS}::test_what_a_powershell_export_lacks_is_asked_for",
    "Excel's CSV in Windows-1252": f"{LAYOUTS}::test_a_spreadsheet_of_any_country_is_read",
    "12/31/2027, 31/12/2027, 31.12.2027, 2027/12/31 in a file": f"{LAYOUTS}::test_a_spreadsheet_of_any_country_is_read",
    "a date with two readings in a file": "registry/csv_import/test_dates.py::test_what_nothing_settles_is_asked_once",
    "a date in a form": "dashboard/test_date_doors.py::test_what_was_read_is_shown_in_words_before_it_is_saved",
    "az ad app list": f"{LAYOUTS}::test_the_list_of_az_needs_the_tenant_alone",
    "three living secrets of one app": f"{LAYOUTS}::test_all_living_secrets_of_an_app_are_monitored",
    "contacts as Outlook copies them": f"{LAYOUTS}::test_addresses_are_taken_out_of_what_outlook_copies",
    "a column more": f"{LAYOUTS}::test_a_column_that_is_not_known_is_left_out_and_said",
    "a certificate without end": "registry/test_certificates.py::test_a_certificate_that_never_expires_is_refused",
    "the same on its page": "dashboard/test_certificates.py::test_one_without_end_is_refused",
    "a certificate that starts later": "dashboard/test_certificates.py::test_the_first_one_waits_for_its_start_date",
    "an OpenSSH key": "registry/test_certificates.py::test_what_is_mistaken_for_a_certificate_with_its_key_is_named",
    "PKCS#12 without a password": "registry/test_certificates.py::test_a_pfx_file_with_or_without_a_passphrase",
    "DER without a key": "registry/test_certificates.py::test_certificate_without_key_is_refused",
    "a chain in another order": "registry/test_certificates.py::test_certificate_of_the_key_is_taken_from_a_chain",
    "an encrypted PEM key": "registry/test_certificates.py::test_protected_key_needs_its_passphrase",
    "a wrong pair": "registry/test_certificates.py::test_mismatched_certificate_and_key_are_refused",
    "RSA of 1024 bits": "registry/test_certificates.py::test_other_kinds_of_key_are_refused_with_a_reason",
    "a curve key": "registry/test_certificates.py::test_a_curve_key_with_its_own_certificate_is_refused",
    "addresses of SMTP relays": "mailer/test_server_url.py::test_a_mistake_is_named_with_its_mending",
    "a path in the public address": "environment/test_start.py::test_a_mistake_refuses_the_start",
    "a zero-width space behind an address": "mailer/test_email_address.py::test_spellings_of_one_mailbox_are_equal",
    "straße.example": "mailer/test_message.py::test_domain_is_encoded_by_idna_2008",
    "capital letters at the sign-in":
        "attacks/test_01_lookalike_addresses.py::test_people_sign_in_however_they_type_their_address",
    "a look-alike that forgot its password":
        "attacks/test_01_lookalike_addresses.py::test_a_link_to_a_new_password_is_mailed_to_the_stored_address_alone",
    "a name of 161 characters": "registry/csv_import/test_odd_files.py::test_a_name_may_be_as_long_as_in_entra",
}  # fmt: skip


@pytest.mark.parametrize("reported", HELD_BY)
def test_a_test_holds_it(reported: str) -> None:
    path, _, name = HELD_BY[reported].partition("::")
    module = ast.parse((PROJECT / "tests" / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
