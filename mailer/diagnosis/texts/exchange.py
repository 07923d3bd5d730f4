"""Texts for causes in Exchange Online: the mailbox and its protocols."""

from __future__ import annotations

from mailer.diagnosis.causes import Owner
from mailer.diagnosis.texts.entry import Entry, gettext_noop

EXCHANGE = {
    "exchange_missing": Entry(
        gettext_noop("The tenant has no Exchange Online"),
        gettext_noop(
            "The tenant exists, but the requested service (Exchange Online) is not set up in it: no "
            "subscription, an expired one, or a resource name that belongs to another cloud."
        ),
        Owner.TENANT_ADMINISTRATOR,
        (
            gettext_noop(
                "Check in the Microsoft 365 admin center that the tenant has an active subscription with Exchange "
                "Online."
            ),
            gettext_noop("Check that the directory ID is that of the tenant with the mailboxes: %(directory_id)s."),
            gettext_noop("Check the resource in the scope: %(exchange_resource)s or %(graph_resource)s."),
        ),
        ("tenant", "exchange_home", "error"),
    ),
    "mailbox_not_found": Entry(
        gettext_noop("There is no such mailbox"),
        gettext_noop(
            "No mailbox of Exchange Online has the address %(mailbox)s: it is mistyped, an alias, without licence, "
            "deleted, in another tenant, or still on a server on premises."
        ),
        Owner.EXCHANGE_ADMINISTRATOR,
        (
            gettext_noop("Open Mailboxes in the Exchange admin center (link below) and look for the address."),
            gettext_noop("Use the mailbox's primary address or user name, not an alias, group or distribution list."),
            gettext_noop(
                "If it is missing, give the user a licence with Exchange Online, or make a shared mailbox; it takes "
                "some minutes."
            ),
        ),
        ("mailboxes", "users"),
    ),
    "mailbox_access_denied": Entry(
        gettext_noop("The application may not use this mailbox"),
        gettext_noop(
            "The application is known and has the permission, but not for %(mailbox)s: an application access policy "
            "or an Exchange RBAC scope leaves this mailbox out, or the call does not say for which mailbox it acts."
        ),
        Owner.EXCHANGE_ADMINISTRATOR,
        (
            gettext_noop(
                "In Exchange Online PowerShell, ask for the reason: Test-ApplicationAccessPolicy -AppId "
                "%(client_id)s -Identity %(mailbox)s, and Test-ServicePrincipalAuthorization -Identity %(client_id)s "
                "-Resource %(mailbox)s"
            ),
            gettext_noop("Add the mailbox to the policy's group, or to the management scope of the role assignment."),
            gettext_noop("With EWS, impersonate the mailbox (header ExchangeImpersonation with its primary address)."),
            gettext_noop("Wait: Exchange keeps the old answer for 30 minutes to two hours. Then send a test."),
        ),
        ("mailboxes", "permissions", "rbac_doc"),
    ),
    "send_as_denied": Entry(
        gettext_noop("The account may not send as this address"),
        gettext_noop("The sign-in worked, but the address in From is not one this account or application may send as."),
        Owner.EXCHANGE_ADMINISTRATOR,
        (
            gettext_noop(
                "Compare the From address with the mailbox that signs in: %(mailbox)s. Use the same, if you can."
            ),
            gettext_noop(
                "Else give the right in the Exchange admin center, Mailboxes, Delegation, Send as; or in PowerShell: "
                "Add-RecipientPermission <From address> -Trustee <account or application> -AccessRights SendAs"
            ),
            gettext_noop("Wait up to an hour, then send a test."),
        ),
        ("mailboxes",),
    ),
    "ews_blocked": Entry(
        gettext_noop("Exchange Web Services are switched off here"),
        gettext_noop(
            "The tenant, the mailbox or the list of allowed applications does not let this application use "
            "EWS. Since October 2026 Microsoft switches EWS off in Exchange Online tenant by tenant, "
            "permanently on 1 April 2027."
        ),
        Owner.EXCHANGE_ADMINISTRATOR,
        (
            gettext_noop(
                "Move this mailbox to Microsoft Graph: add the application permission Mail.Send, consent, send a test."
            ),
            gettext_noop(
                "Only if that cannot be done before April 2027, allow EWS once more in Exchange Online PowerShell: "
                "Set-OrganizationConfig -EwsEnabled:$true, and add %(client_id)s to the list Set-OrganizationConfig "
                "-EwsAllowedAppIDs (the whole list is overwritten)."
            ),
            gettext_noop("Check the mailbox too: Set-CASMailbox %(mailbox)s -EwsEnabled $true"),
            gettext_noop("Wait up to 24 hours, then send a test."),
        ),
        ("permissions", "exchange_home", "ews_doc"),
    ),
    "smtp_auth_disabled": Entry(
        gettext_noop("Authenticated SMTP is switched off"),
        gettext_noop(
            "Exchange Online takes no SMTP sign-in for this mailbox: authenticated SMTP is off for the mailbox or "
            "the whole tenant, or the program did not sign in at all."
        ),
        Owner.EXCHANGE_ADMINISTRATOR,
        (
            gettext_noop(
                "Allow it for the mailbox: Set-CASMailbox %(mailbox)s -SmtpClientAuthenticationDisabled $false"
            ),
            gettext_noop("Check that no authentication policy and no security default forbids it."),
            gettext_noop("Check that the program signs in: %(smtp)s with STARTTLS, AUTH XOAUTH2."),
            gettext_noop("Wait up to an hour, then send a test."),
        ),
        ("mailboxes", "smtp_doc", "smtp_oauth_doc"),
    ),
    "basic_auth_retired": Entry(
        gettext_noop("Signing in by user name and password is switched off"),
        gettext_noop(
            "Microsoft has retired, or the tenant has switched off, basic authentication. A password, even a right "
            "one, is not taken any more; a token (OAuth) is."
        ),
        Owner.OPERATOR,
        (
            gettext_noop("Set the program to modern authentication: Graph with Mail.Send, or SMTP with XOAUTH2."),
            gettext_noop("Register an application with its secret and consent for it, if there is none yet."),
            gettext_noop("If the program cannot, let it send by a relay of your own that can."),
        ),
        ("registrations", "smtp_oauth_doc", "smtp_doc"),
    ),
}
