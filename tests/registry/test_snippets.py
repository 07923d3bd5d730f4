"""The scripts and their syntax in bash; for PowerShell see `test_powershell`."""

from __future__ import annotations

import json
import subprocess

import pytest

from alertadmin.registry.models import AppRegistration, Tenant
from alertadmin.registry.models.app_registration import NATIVE_CLIENT
from alertadmin.registry.permissions import Permission
from alertadmin.registry.scripts import provisioning, snippets
from alertadmin.registry.scripts.provisioning import ProvisioningPlan
from mailer.clouds import BUILTIN

ID = "11111111-2222-3333-4444-555555555555"
NAMES = ("ALERT", "O'Brien's \u2019pump\u2019; Remove-Item *", '$(reboot) `reboot` "x" {', "-Verbose")


def plan(name: str = "ALERT", **fields: object) -> ProvisioningPlan:
    usual = {
        "cloud": BUILTIN["global"],
        "directory_id": ID,
        "name": name,
        "audience": "AzureADMyOrg",
        "redirect_uri": NATIVE_CLIENT,
        "permissions": tuple(Permission),
        "keeps_drafts": True,
    }
    return ProvisioningPlan(**{**usual, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("client_id", ["", ID])
@pytest.mark.parametrize("name", NAMES)
def test_azure_cli_script_is_valid_bash(name: str, client_id: str) -> None:
    script = provisioning.azure_cli(plan(name, client_id=client_id))
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_bash_passes_the_name_unchanged() -> None:
    """Run with an `az` that prints its arguments."""
    told = 'az() { if [ "$3" = create ]; then printf "%s\\n" "$4" >&2; fi; }\n'
    for name in NAMES:
        script = told + provisioning.azure_cli(plan(name, permissions=()))
        ran = subprocess.run(["bash"], input=script, text=True, check=True, capture_output=True)
        assert f"--display-name={name}" in ran.stderr.splitlines()


@pytest.mark.parametrize("slug", BUILTIN)
def test_each_script_uses_the_tenants_cloud(slug: str) -> None:
    tenant, app = Tenant(directory_id=ID, cloud=slug), AppRegistration(name="ALERT", client_id=ID)
    made = {
        "az": provisioning.azure_cli(plan(cloud=BUILTIN[slug])),
        "graph": provisioning.graph_powershell(plan(cloud=BUILTIN[slug])),
        "exchange": snippets.scope_to_mailbox(app, tenant, "a@x.example", tuple(Permission)),
    }
    assert ("az cloud set" in made["az"]) == (slug != "global")
    assert ("-Environment" in made["graph"]) == (slug != "global")
    assert ("-ExchangeEnvironmentName" in made["exchange"]) == (slug != "global")


def test_permissions_are_looked_up_by_name_at_their_resource() -> None:
    script = provisioning.graph_powershell(plan())
    graph, exchange = (script.index(one) for one in (snippets.GRAPH_APP_ID, snippets.EXCHANGE_APP_ID))
    for name, resource in (("Mail.Send", graph), ("Mail.ReadWrite", graph), ("SMTP.SendAsApp", exchange)):
        assert script.index(f"'{name}'") > resource
    assert script.index("'Mail.ReadWrite'") < exchange
    assert "role=$(az ad sp show --id 00000002-0000-0ff1-ce00-000000000000" in provisioning.azure_cli(plan())


def test_scoped_registration_grants_nothing_in_entra() -> None:
    for script in (provisioning.azure_cli(plan(permissions=())), provisioning.graph_powershell(plan(permissions=()))):
        assert "ermission" not in script
        assert "AppRole" not in script
        assert "RequiredResourceAccess" not in script


def test_dashboard_redirect_uses_the_web_platform() -> None:
    web = plan(redirect_uri="https://alerts.example/consent/return/")
    assert "--web-redirect-uris" in provisioning.azure_cli(web)
    assert "-Web @{" in provisioning.graph_powershell(web)
    assert "--public-client-redirect-uris" in provisioning.azure_cli(plan())


def test_the_manifest_names_the_roles_by_the_ids_that_microsoft_s_documents_give() -> None:
    access = json.loads(provisioning.manifest(plan()))["requiredResourceAccess"]
    assert access == [
        {
            "resourceAppId": "00000003-0000-0000-c000-000000000000",
            "resourceAccess": [{"id": "b633e1c5-b582-4048-a93e-9f11b44c7e96", "type": "Role"}],
        },
        {
            "resourceAppId": "00000002-0000-0ff1-ce00-000000000000",
            "resourceAccess": [{"id": "dc890d15-9560-4a4c-9b7f-a736ec74ec40", "type": "Role"}],
        },
    ]
