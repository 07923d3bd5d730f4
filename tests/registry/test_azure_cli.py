"""Scripts use only the commands and options of the Azure CLI that were verified: `azure_cli.toml`."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from alertadmin.registry.models import AppRegistration, SignInAudience, Tenant
from alertadmin.registry.models.app_registration import NATIVE_CLIENT
from alertadmin.registry.permissions import Permission
from alertadmin.registry.scripts import provisioning, snippets
from alertadmin.registry.scripts.provisioning import ProvisioningPlan
from mailer.clouds import BUILTIN

ID = "11111111-2222-3333-4444-555555555555"
TABLE = tomllib.loads(Path(__file__).with_name("azure_cli.toml").read_text("utf-8"))
CALL = re.compile(r"(?:^|\$\()az (.*?)\)?$", re.MULTILINE)


def made() -> Iterator[str]:
    redirects = (NATIVE_CLIENT, "https://x.example/return/", "")
    options = product(BUILTIN.values(), SignInAudience, redirects, ((), tuple(Permission)), ("", ID))
    for cloud, audience, redirect, permissions, client_id in options:
        yield provisioning.azure_cli(
            ProvisioningPlan(cloud, ID, "ALERT", audience.value, redirect, permissions, True, client_id)
        )
    for slug in BUILTIN:
        yield snippets.grant_mail_send(AppRegistration(client_id=ID), Tenant(directory_id=ID, cloud=slug))


def calls(script: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each call of `az`: the command, and its options with their values."""
    for match in CALL.finditer(script.replace("\\\n", " ")):
        words = shlex.split(match[1])
        options = [at for at, word in enumerate(words) if word.startswith("-")]
        given = {}
        for at, following in zip(options, [*options[1:], len(words)], strict=True):
            option, _equals, value = words[at].partition("=")
            given[option] = value or " ".join(words[at + 1 : following])
        yield " ".join(words[: options[0]]), given


CALLS = [call for script in made() for call in calls(script)]


def test_scripts_use_only_verified_commands_and_options() -> None:
    used = {(command, option) for command, options in CALLS for option in options if option not in TABLE["everywhere"]}
    looked_up = {(command, option) for command, options in TABLE["commands"].items() for option in options}
    assert used == looked_up


def test_clouds_and_audiences_have_azure_cli_names() -> None:
    assert {options["--name"] for command, options in CALLS if command == "cloud set"} == set(TABLE["clouds"])
    audiences = {options["--sign-in-audience"] for command, options in CALLS if command == "ad app create"}
    assert audiences == set(TABLE["audiences"])


def test_every_call_in_a_script_is_seen() -> None:
    assert all(len([*calls(script)]) == len(re.findall(r"\baz ", script)) for script in made())
