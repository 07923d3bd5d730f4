"""Parts of scripts (quoting, the clouds' names in Microsoft's modules) and small scripts that change one setting. The
scripts for a whole registration are in `provisioning`.

Sources: Azure CLI, `az ad app permission`; Exchange Online PowerShell, "RBAC for Applications",
`Set-OrganizationConfig` and `Connect-ExchangeOnline`; Microsoft Graph PowerShell, `Get-MgEnvironment`. Scripts contain
no ids of permissions: they look them up by name when they run.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from alertadmin.registry.clouds import known_cloud
from alertadmin.registry.models import AppRegistration, Tenant
from alertadmin.registry.permissions import Permission
from mailer.clouds import Cloud

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
"""Microsoft Graph, in every tenant."""
EXCHANGE_APP_ID = "00000002-0000-0ff1-ce00-000000000000"
"""Office 365 Exchange Online, in every tenant."""
QUOTES = "'\u2018\u2019\u201a\u201b"
"""The characters that PowerShell reads as a single quote, which include the typographic ones."""
EXCHANGE_ROLES = {
    Permission.MAIL_SEND: "Application Mail.Send",
    Permission.FULL_ACCESS: "Application EWS.AccessAsApp",
    Permission.SMTP_SEND: "Application SMTP.SendAsApp",
}
"""Exchange's application roles, which RBAC for Applications assigns for a set of mailboxes."""
GRAPH_ENVIRONMENTS = {"gcc-high": "USGov", "dod": "USGovDoD", "china": "China"}
EXCHANGE_ENVIRONMENTS = {"gcc-high": "O365USGovGCCHigh", "dod": "O365USGovDoD", "china": "O365China"}
AZURE_CLOUDS = {"gcc-high": "AzureUSGovernment", "dod": "AzureUSGovernment", "china": "AzureChinaCloud"}


def powershell_text(text: str) -> str:
    """Quote a text as a literal string of PowerShell, in which no variable or command is expanded.

    Invisible characters are removed: a null character ends the script, and direction marks make the script look
    different from what it runs.
    """
    seen = filter(str.isprintable, " ".join(text.split()))
    return "'" + "".join(letter * 2 if letter in QUOTES else letter for letter in seen) + "'"


def connect_graph(cloud: Cloud | None, directory_id: str, *scopes: str) -> str:
    """The command that connects Microsoft Graph PowerShell to the tenant's cloud."""
    environment = GRAPH_ENVIRONMENTS.get(cloud.slug if cloud else "")
    named = f" -Environment {environment}" if environment else ""
    asked = ", ".join(map(powershell_text, scopes))
    return f"Connect-MgGraph -TenantId {powershell_text(directory_id)} -Scopes {asked}{named}"


def connect_exchange(cloud: Cloud | None) -> str:
    environment = EXCHANGE_ENVIRONMENTS.get(cloud.slug if cloud else "")
    return "Connect-ExchangeOnline" + (f" -ExchangeEnvironmentName {environment}" if environment else "")


def az_login(cloud: Cloud | None, directory_id: str) -> list[str]:
    """The commands that sign in the Azure CLI at the tenant's cloud, also without an Azure subscription."""
    name = AZURE_CLOUDS.get(cloud.slug if cloud else "")
    login = f"az login --tenant {shlex.quote(directory_id)} --allow-no-subscriptions"
    return [*([f"az cloud set --name {name}"] if name else []), login]


def grant_mail_send(app: AppRegistration, tenant: Tenant) -> str:
    """A script for bash with the Azure CLI that grants the app Mail.Send."""
    client = shlex.quote(app.client_id)
    return "\n".join(
        (
            *az_login(known_cloud(tenant.cloud), tenant.directory_id),
            f"role=$(az ad sp show --id {GRAPH_APP_ID} \\",
            "  --query \"appRoles[?value=='Mail.Send'].id | [0]\" --output tsv)",
            f'az ad app permission add --id {client} --api {GRAPH_APP_ID} --api-permissions "$role=Role"',
            f"az ad app permission admin-consent --id {client}",
        )
    )


def scope_to_mailbox(
    app: AppRegistration,
    tenant: Tenant,
    address: str,
    permissions: Sequence[Permission] = (Permission.MAIL_SEND,),
) -> str:
    """A script for Exchange Online and Microsoft Graph PowerShell that lets the app send only as this mailbox."""
    client, scope = powershell_text(app.client_id), powershell_text(f"alertadmin {app.client_id}")
    recipient = powershell_text(f"PrimarySmtpAddress -eq {powershell_text(address)}")
    cloud = known_cloud(tenant.cloud)
    return "\n".join(
        (
            connect_graph(cloud, tenant.directory_id, "Application.Read.All"),
            f"$app = Get-MgServicePrincipal -Filter {powershell_text(f'appId eq {powershell_text(app.client_id)}')}",
            connect_exchange(cloud),
            f"New-ServicePrincipal -AppId {client} -ObjectId $app.Id -DisplayName {powershell_text(app.name)}",
            f"New-ManagementScope -Name {scope} -RecipientRestrictionFilter {recipient}",
            *(
                f"New-ManagementRoleAssignment -App {client} -Role {powershell_text(EXCHANGE_ROLES[permission])}"
                f" -CustomResourceScope {scope}"
                for permission in permissions
            ),
            f"Test-ServicePrincipalAuthorization -Identity {client} -Resource {powershell_text(address)}",
        )
    )


def allow_ews(tenant: Tenant, client_ids: Iterable[str]) -> str:
    """A script for Exchange Online PowerShell that allows these apps to use EWS until Microsoft retires it.

    Setting the list replaces it, so the script reads the current list first.
    """
    ours = ", ".join(powershell_text(client) for client in client_ids)
    return "\n".join(
        (
            connect_exchange(known_cloud(tenant.cloud)),
            "$listed = (Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy).EwsAllowedAppIDs -split ','",
            f"$all = (@($listed) + @({ours}) | Where-Object {{ $_ }} | Sort-Object -Unique) -join ','",
            "Set-OrganizationConfig -EwsEnabled:$true -EwsAllowedAppIDs $all",
        )
    )
