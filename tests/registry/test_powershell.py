"""Every PowerShell script parses, with any names, and the names are only string literals."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alertadmin.dashboard.settings_sheet.programs import PROGRAMS, Values
from alertadmin.registry.models import AppRegistration, Mailbox, SignInAudience, Tenant
from alertadmin.registry.models.app_registration import NATIVE_CLIENT
from alertadmin.registry.permissions import Permission
from alertadmin.registry.scripts import provisioning, snippets
from alertadmin.registry.scripts.provisioning import ProvisioningPlan
from mailer.clouds import BUILTIN
from tests.registry.powershell import errors, plainly_quoted, shape, strings

ID = "11111111-2222-3333-4444-555555555555"
SHEET = next(program.sheet for program in PROGRAMS if program.slug == "powershell")
SOME_PERMISSIONS = tuple(chain.from_iterable(combinations(Permission, many) for many in range(len(Permission) + 1)))
RETURN = "https://alerts.example/consent/return/"


def registrations(name: str, redirect_uri: str = RETURN) -> Iterator[str]:
    """The scripts that create a whole registration, with every option."""
    redirects = (NATIVE_CLIENT, redirect_uri, "")
    options = product(BUILTIN.values(), SignInAudience, redirects, SOME_PERMISSIONS, (False, True), ("", ID))
    for cloud, audience, redirect, permissions, keeps_drafts, client_id in options:
        yield provisioning.graph_powershell(
            ProvisioningPlan(cloud, ID, name, audience.value, redirect, permissions, keeps_drafts, client_id)
        )


def scopes(name: str, address: str) -> Iterator[str]:
    for slug, permissions in product(BUILTIN, SOME_PERMISSIONS):
        app, tenant = AppRegistration(name=name, client_id=ID), Tenant(directory_id=ID, cloud=slug)
        yield snippets.scope_to_mailbox(app, tenant, address, permissions)


def lists_of_apps() -> Iterator[str]:
    for slug, many in product(BUILTIN, (0, 1, 3)):
        yield snippets.allow_ews(Tenant(directory_id=ID, cloud=slug), [ID] * many)


def samples(address: str) -> Iterator[str]:
    for slug, cloud in BUILTIN.items():
        tenant = Tenant(directory_id=ID, cloud=slug)
        yield SHEET(Values(cloud, AppRegistration(client_id=ID), Mailbox(tenant=tenant, address=address))).sample


@pytest.mark.parametrize(
    "made",
    [registrations("ALERT"), scopes("ALERT", "a@x.example"), lists_of_apps(), samples("a@x.example")],
    ids=["registration", "scope", "EWS list", "settings sheet"],
)
def test_every_script_parses(made: Iterator[str]) -> None:
    different = list(dict.fromkeys(made))
    assert len(different) >= len(BUILTIN)
    assert [(script, found) for script in different if (found := errors(script))] == []


def test_grammar_reports_broken_scripts() -> None:
    for broken in ("$a = @{", "foreach ($role in $roles) {", "'O'Brien'", "'O\u2019Brien'", "Get-Item (", "$a = @(1,"):
        assert errors(broken), broken


PUNCTUATION = "ab \n\t\r-#;,|&" + snippets.QUOTES + '\u201c\u201d"`$@{}()[]<>%\x00'
hostile = st.text(st.sampled_from(PUNCTUATION) | st.characters(codec="utf-8"), min_size=1, max_size=30)


@settings(max_examples=40, deadline=None)
@given(hostile, hostile)
def test_names_and_addresses_are_only_string_literals(name: str, address: str) -> None:
    def made(one: str, other: str) -> list[str]:
        app, tenant = AppRegistration(name=one, client_id=ID), Tenant(directory_id=ID, cloud="global")
        plan = ProvisioningPlan(BUILTIN["global"], ID, one, "AzureADMyOrg", other, tuple(Permission), True)
        sheet = Values(BUILTIN["global"], app, Mailbox(tenant=tenant, address=other))
        return [provisioning.graph_powershell(plan), snippets.scope_to_mailbox(app, tenant, other), SHEET(sheet).sample]

    said = {plainly_quoted("".join(filter(str.isprintable, " ".join(one.split())))) for one in (name, address)}
    for tame, wild in zip(made("ALERT", "a@x.example"), made(name, address), strict=True):
        assert errors(wild) == []
        assert shape(wild) == shape(tame)
        assert said & {*strings(wild)}


@pytest.mark.parametrize("unseen", ["\x00", "\x1b", "\u202e", "\u2066", "\u200b"])
def test_invisible_characters_of_a_name_are_removed(unseen: str) -> None:
    """Such a name could look different from what runs."""
    assert snippets.powershell_text(f"ALERT{unseen}2") == "'ALERT2'"
