"""What scripts are made of: quoting, the names that Microsoft's modules give the clouds, and the small scripts that
change one thing. `provisioning` writes those that make a whole registration.

Sources: Azure CLI, `az ad app permission`; Exchange Online PowerShell, "RBAC for Applications",
`Set-OrganizationConfig` and `Connect-ExchangeOnline`; Microsoft Graph PowerShell, `Get-MgEnvironment`. No permission's
id is written down here: it is looked up by its name where the script runs.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from alertadmin.registry.clouds import known_cloud
from alertadmin.registry.models import AppRegistration, Tenant
from alertadmin.registry.permissions import Permission
from mailer.clouds import Cloud

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
"""Microsoft Graph itself, in every tenant."""
EXCHANGE_APP_ID = "00000002-0000-0ff1-ce00-000000000000"
"""Office 365 Exchange Online itself."""
QUOTES = "'\u2018\u2019\u201a\u201b"
"""What PowerShell reads as a single quote: the typographic ones too."""
EXCHANGE_ROLES = {
    Permission.MAIL_SEND: "Application Mail.Send",
    Permission.FULL_ACCESS: "Application EWS.AccessAsApp",
    Permission.SMTP_SEND: "Application SMTP.SendAsApp",
}
"""Exchange's own roles, which RBAC for Applications gives for some mailboxes alone."""
GRAPH_ENVIRONMENTS = {"gcc-high": "USGov", "dod": "USGovDoD", "china": "China"}
EXCHANGE_ENVIRONMENTS = {"gcc-high": "O365USGovGCCHigh", "dod": "O365USGovDoD", "china": "O365China"}
AZURE_CLOUDS = {"gcc-high": "AzureUSGovernment", "dod": "AzureUSGovernment", "china": "AzureChinaCloud"}


def powershell_text(text: str) -> str:
    """As a literal string of PowerShell; in it nothing is a variable or a command.

    What cannot be seen is left out: a zero byte ends the script, and a turn of the writing direction makes it read
    otherwise than it runs.
    """
    seen = filter(str.isprintable, " ".join(text.split()))
    return "'" + "".join(letter * 2 if letter in QUOTES else letter for letter in seen) + "'"


def connect_graph(cloud: Cloud | None, directory_id: str, *scopes: str) -> str:
    """Microsoft Graph PowerShell, in the tenant's own cloud."""
    environment = GRAPH_ENVIRONMENTS.get(cloud.slug if cloud else "")
    named = f" -Environment {environment}" if environment else ""
    asked = ", ".join(map(powershell_text, scopes))
    return f"Connect-MgGraph -TenantId {powershell_text(directory_id)} -Scopes {asked}{named}"


def connect_exchange(cloud: Cloud | None) -> str:
    environment = EXCHANGE_ENVIRONMENTS.get(cloud.slug if cloud else "")
    return "Connect-ExchangeOnline" + (f" -ExchangeEnvironmentName {environment}" if environment else "")


def az_login(cloud: Cloud | None, directory_id: str) -> list[str]:
    """Azure CLI, in the tenant's own cloud; a tenant without an Azure subscription will do."""
    name = AZURE_CLOUDS.get(cloud.slug if cloud else "")
    login = f"az login --tenant {shlex.quote(directory_id)} --allow-no-subscriptions"
    return [*([f"az cloud set --name {name}"] if name else []), login]


def grant_mail_send(app: AppRegistration, tenant: Tenant) -> str:
    """Azure CLI, for bash."""
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
    """Exchange Online and Microsoft Graph PowerShell: the app may send as this mailbox and as no other."""
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
    """Exchange Online PowerShell: lets these apps use EWS for the last months.

    Setting the list overwrites it whole, so what is on it is read first.
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
