"""Scripts that create a registration, or its missing parts, from a command line instead of the portal.

Sources: Azure CLI, `az ad app`; Microsoft Graph PowerShell, `New-MgApplication`, `Add-MgApplicationPassword`,
`New-MgServicePrincipalAppRoleAssignment`; the application manifest's `requiredResourceAccess`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from alertadmin.registry.permissions import OPTIONAL, RESOURCE_OF, Permission, Resource
from alertadmin.registry.scripts.snippets import EXCHANGE_APP_ID, GRAPH_APP_ID, az_login, connect_graph, powershell_text
from mailer.clouds import Cloud

APP_IDS = {Resource.GRAPH: GRAPH_APP_ID, Resource.EXCHANGE: EXCHANGE_APP_ID}
ROLE_IDS = {
    Permission.MAIL_SEND: "b633e1c5-b582-4048-a93e-9f11b44c7e96",
    Permission.FULL_ACCESS: "dc890d15-9560-4a4c-9b7f-a736ec74ec40",
}
"""For the manifest, which accepts only ids. Microsoft documents these two, and no id for SMTP.SendAsApp."""
NATIVE = "/oauth2/nativeclient"
SECRET_NAME = "alertadmin"  # noqa: S105 (what the secret is called)
SECRET_YEARS = 2


@dataclass(frozen=True)
class ProvisioningPlan:
    """The values of a registration. Without a `client_id` the scripts create the app first."""

    cloud: Cloud | None
    directory_id: str
    name: str
    audience: str
    redirect_uri: str
    permissions: tuple[Permission, ...]
    """To grant in Entra; empty if Exchange grants them for single mailboxes."""
    keeps_drafts: bool = False
    client_id: str = ""

    @property
    def is_native(self) -> bool:
        """Whether the redirect URI's platform is "Mobile and desktop applications"; otherwise it is "Web"."""
        return self.redirect_uri.endswith(NATIVE)

    def roles(self) -> Iterator[tuple[Resource, list[str]]]:
        """The names of the app roles to grant, by resource."""
        for resource in Resource:
            wanted = [one for one in self.permissions if RESOURCE_OF[one] == resource]
            names = [one.value for one in wanted]
            if self.keeps_drafts:
                names += [OPTIONAL[one] for one in wanted if one in OPTIONAL]
            if names:
                yield resource, names


def azure_cli(plan: ProvisioningPlan) -> str:
    """A script for bash. It prints the client id and the secret, which cannot be shown again."""
    return "\n".join(
        (
            *az_login(plan.cloud, plan.directory_id),
            *(_az_known(plan) if plan.client_id else _az_new(plan)),
            *(line for resource, names in plan.roles() for line in _az_permissions(APP_IDS[resource], names)),
            *(['az ad app permission admin-consent --id "$client"'] if plan.permissions else []),
            'echo "Application (client) ID: $client"',
            'az ad app credential reset --id "$client" --append \\',
            f"  --display-name {SECRET_NAME} --years {SECRET_YEARS} --query password --output tsv",
        )
    )


def _az_known(plan: ProvisioningPlan) -> list[str]:
    return [f"client={shlex.quote(plan.client_id)}"]


def _az_new(plan: ProvisioningPlan) -> list[str]:
    option = "--public-client-redirect-uris" if plan.is_native else "--web-redirect-uris"
    redirect = f" {option} {shlex.quote(plan.redirect_uri)}" if plan.redirect_uri else ""
    return [
        f"client=$(az ad app create --display-name={shlex.quote(plan.name)} \\",
        f"  --sign-in-audience {shlex.quote(plan.audience)}{redirect} --query appId --output tsv)",
        'az ad sp create --id "$client"',
    ]


def _az_permissions(api: str, names: list[str]) -> Iterator[str]:
    for name in names:
        yield f"role=$(az ad sp show --id {api} \\"
        yield f"  --query \"appRoles[?value=='{name}'].id | [0]\" --output tsv)"
        yield f'az ad app permission add --id "$client" --api {api} --api-permissions "$role=Role"'


def graph_powershell(plan: ProvisioningPlan) -> str:
    """A script for PowerShell. It prints the client id and the secret, which cannot be shown again."""
    scopes = ["Application.ReadWrite.All", *(["AppRoleAssignment.ReadWrite.All"] if plan.permissions else [])]
    return "\n".join(
        (
            connect_graph(plan.cloud, plan.directory_id, *scopes),
            *(_mg_known(plan) if plan.client_id else _mg_new(plan)),
            "$ours = Get-MgServicePrincipal -Filter \"appId eq '$($app.AppId)'\"",
            "if (-not $ours) { $ours = New-MgServicePrincipal -AppId $app.AppId }",
            *(_mg_permissions(plan) if plan.permissions else []),
            "$secret = Add-MgApplicationPassword -ApplicationId $app.Id -PasswordCredential @{",
            f"  DisplayName = {powershell_text(SECRET_NAME)}",
            f"  EndDateTime = (Get-Date).AddYears({SECRET_YEARS})",
            "}",
            '"Application (client) ID: $($app.AppId)"',
            "$secret.SecretText",
        )
    )


def _mg_known(plan: ProvisioningPlan) -> list[str]:
    wanted = powershell_text(f"appId eq {powershell_text(plan.client_id)}")
    return [f"$app = Get-MgApplication -Filter {wanted}"]


def _mg_new(plan: ProvisioningPlan) -> list[str]:
    platform = "PublicClient" if plan.is_native else "Web"
    redirect = f" -{platform} @{{ RedirectUris = @({powershell_text(plan.redirect_uri)}) }}"
    return [
        f"$app = New-MgApplication -DisplayName {powershell_text(plan.name)}"
        f" -SignInAudience {powershell_text(plan.audience)}{redirect if plan.redirect_uri else ''}"
    ]


def _mg_permissions(plan: ProvisioningPlan) -> Iterator[str]:
    """Replace the app's list of required permissions, then grant each of them."""
    yield "$access = @()"
    for resource, names in plan.roles():
        listed = ", ".join(map(powershell_text, names))
        wanted = powershell_text(f"appId eq {powershell_text(APP_IDS[resource])}")
        yield f"$api = Get-MgServicePrincipal -Filter {wanted}"
        yield f"$roles = @($api.AppRoles | Where-Object Value -in {listed})"
        yield "$access += @{"
        yield "  ResourceAppId = $api.AppId"
        yield "  ResourceAccess = @($roles | ForEach-Object { @{ Id = $_.Id; Type = 'Role' } })"
        yield "}"
        yield "foreach ($role in $roles) {"
        yield "  New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $ours.Id -PrincipalId $ours.Id `"
        yield "    -ResourceId $api.Id -AppRoleId $role.Id"
        yield "}"
    yield "Update-MgApplication -ApplicationId $app.Id -RequiredResourceAccess $access"


def manifest(plan: ProvisioningPlan) -> str:
    """`requiredResourceAccess` for the portal's manifest, without permissions whose id must be looked up."""
    access = []
    for resource in Resource:
        ids = [ROLE_IDS[one] for one in plan.permissions if RESOURCE_OF[one] == resource and one in ROLE_IDS]
        if ids:
            roles = [{"id": one, "type": "Role"} for one in ids]
            access.append({"resourceAppId": APP_IDS[resource], "resourceAccess": roles})
    return json.dumps({"requiredResourceAccess": access}, indent=2)
