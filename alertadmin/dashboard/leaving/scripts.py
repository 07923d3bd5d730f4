"""Scripts for administrators who would rather type than click: made for one app, ready to paste.

Sources: Azure CLI, `az ad app permission`; Exchange Online PowerShell, "RBAC for Applications" and
`Set-OrganizationConfig`. No permission's id is written down here: it is looked up by its name where the script runs.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from alertadmin.registry.models import AppRegistration, Tenant

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
"""Microsoft Graph itself, in every tenant."""
QUOTES = "'\u2018\u2019\u201a\u201b"
"""What PowerShell reads as a single quote: the typographic ones too."""


def powershell_text(text: str) -> str:
    """As a literal string of PowerShell; in it nothing is a variable or a command."""
    return "'" + "".join(letter * 2 if letter in QUOTES else letter for letter in " ".join(text.split())) + "'"


def grant_mail_send(app: AppRegistration, tenant: Tenant) -> str:
    """Azure CLI, for bash."""
    client = shlex.quote(app.client_id)
    return "\n".join(
        (
            f"az login --tenant {shlex.quote(tenant.directory_id)} --allow-no-subscriptions",
            f"role=$(az ad sp show --id {GRAPH_APP_ID} \\",
            "  --query \"appRoles[?value=='Mail.Send'].id | [0]\" --output tsv)",
            f'az ad app permission add --id {client} --api {GRAPH_APP_ID} --api-permissions "$role=Role"',
            f"az ad app permission admin-consent --id {client}",
        )
    )


def scope_to_mailbox(app: AppRegistration, address: str) -> str:
    """Exchange Online and Microsoft Graph PowerShell: the app may send as this mailbox and as no other."""
    client, scope = powershell_text(app.client_id), powershell_text(f"alertadmin {app.client_id}")
    recipient = powershell_text(f"PrimarySmtpAddress -eq {powershell_text(address)}")
    return "\n".join(
        (
            "Connect-MgGraph -Scopes 'Application.Read.All'",
            f"$app = Get-MgServicePrincipal -Filter {powershell_text(f'appId eq {powershell_text(app.client_id)}')}",
            "Connect-ExchangeOnline",
            f"New-ServicePrincipal -AppId {client} -ObjectId $app.Id -DisplayName {powershell_text(app.name)}",
            f"New-ManagementScope -Name {scope} -RecipientRestrictionFilter {recipient}",
            f"New-ManagementRoleAssignment -App {client} -Role 'Application Mail.Send' -CustomResourceScope {scope}",
            f"Test-ServicePrincipalAuthorization -Identity {client} -Resource {powershell_text(address)}",
        )
    )


def allow_ews(client_ids: Iterable[str]) -> str:
    """Exchange Online PowerShell: lets these apps use EWS for the last months.

    Setting the list overwrites it whole, so what is on it is read first.
    """
    ours = ", ".join(powershell_text(client) for client in client_ids)
    return "\n".join(
        (
            "Connect-ExchangeOnline",
            "$listed = (Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy).EwsAllowedAppIDs -split ','",
            f"$all = (@($listed) + @({ours}) | Where-Object {{ $_ }} | Sort-Object -Unique) -join ','",
            "Set-OrganizationConfig -EwsEnabled:$true -EwsAllowedAppIDs $all",
        )
    )
