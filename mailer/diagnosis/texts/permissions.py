"""Texts for causes in the application's rights: consent, permissions, policies, tokens."""

from __future__ import annotations

from mailer.diagnosis.causes import Owner
from mailer.diagnosis.texts.entry import Entry, gettext_noop

PERMISSIONS = {
    "consent_missing": Entry(
        gettext_noop("An administrator has not consented"),
        gettext_noop(
            "The application asks for permissions that only an administrator of the tenant can grant. They were never "
            "granted there, or they were withdrawn."
        ),
        Owner.TENANT_ADMINISTRATOR,
        (
            gettext_noop(
                "Sign in as Cloud Application Administrator, Privileged Role Administrator or Global Administrator."
            ),
            gettext_noop("Open the consent link, or the application's page API permissions (links below)."),
            gettext_noop("Choose Grant admin consent, and wait for the green mark in each line."),
            gettext_noop("Check consent again after a few minutes, with a fresh token."),
        ),
        ("consent_link", "permissions", "enterprise", "error"),
    ),
    "role_missing": Entry(
        gettext_noop("The permission to send is missing"),
        gettext_noop(
            "Entra gave a token, but the permission needed for sending is not in it: it was never added to the "
            "application, it was added as a delegated instead of an application permission, or no administrator has "
            "consented to it."
        ),
        Owner.TENANT_ADMINISTRATOR,
        (
            gettext_noop("Open the application's page API permissions (link below)."),
            gettext_noop(
                "Add the application permission for the transport: Microsoft Graph, Mail.Send; for EWS: Office "
                "365 Exchange Online, full_access_as_app; for SMTP: Office 365 Exchange Online, SMTP.SendAsApp."
            ),
            gettext_noop("Choose Grant admin consent, and wait for the green mark in each line."),
            gettext_noop(
                "If the permission is given by Exchange RBAC for Applications instead, check it in Exchange Online "
                "PowerShell: Test-ServicePrincipalAuthorization -Identity %(client_id)s -Resource %(mailbox)s"
            ),
            gettext_noop("Ask for a fresh token (the old one lives up to 90 minutes), then send a test."),
        ),
        ("permissions", "consent_link", "enterprise", "rbac_doc"),
    ),
    "conditional_access": Entry(
        gettext_noop("A Conditional Access policy or the security defaults block the sign-in"),
        gettext_noop(
            "The credentials are right, but a policy of the tenant refuses this sign-in: by place, device, risk, or "
            "because the way of signing in is not allowed."
        ),
        Owner.TENANT_ADMINISTRATOR,
        (
            gettext_noop(
                "Open the sign-in logs (link below; tab Service principal sign-ins for an application) and find this "
                "sign-in."
            ),
            gettext_noop("Its tab Conditional Access names the policy that blocked it."),
            gettext_noop(
                "Exclude the application or account from that policy, or add the sending machine's address to its "
                "allowed places."
            ),
            gettext_noop("Send a test."),
        ),
        ("sign_ins", "conditional_access", "error"),
    ),
    "token_rejected": Entry(
        gettext_noop("The mail service did not accept the sign-in"),
        gettext_noop(
            "The mailbox rejected the token or the login: it was issued for another resource or cloud, has "
            "expired, or (SMTP) the application is not registered in Exchange Online or may not use this "
            "mailbox."
        ),
        Owner.APP_OWNER,
        (
            gettext_noop(
                "Check the scope: %(graph_resource)s/.default for Graph, %(exchange_resource)s/.default for EWS and "
                "SMTP. One token is good for one of them only."
            ),
            gettext_noop(
                "Check that the clock of the sending machine is right, and that the user name is the mailbox's own "
                "address."
            ),
            gettext_noop(
                "For SMTP, an Exchange administrator registers the application once: New-ServicePrincipal -AppId "
                "%(client_id)s -ObjectId <object ID of the enterprise application>, then Add-MailboxPermission "
                "-Identity %(mailbox)s -User <that object ID> -AccessRights FullAccess"
            ),
            gettext_noop("Ask for a fresh token, then send a test."),
        ),
        ("permissions", "enterprise", "smtp_oauth_doc"),
    ),
    "redirect_mismatch": Entry(
        gettext_noop("The redirect address is not registered"),
        gettext_noop(
            "The address to which Entra should send the browser back is not one of the application's redirect URIs, "
            "letter by letter, or it is registered under the wrong platform (web, public client, single page)."
        ),
        Owner.APP_OWNER,
        (
            gettext_noop("Open the application's page Authentication (link below)."),
            gettext_noop(
                "Copy the redirect address from the error message, and add it under the right platform, letter by "
                "letter."
            ),
            gettext_noop("Save, wait a minute, and try again."),
        ),
        ("authentication", "error"),
    ),
    "scope_invalid": Entry(
        gettext_noop("The scope of the token request is not valid"),
        gettext_noop(
            "The request asked for a permission in a form that Entra does not take. An application without a user "
            "asks for everything it was granted on one resource, by a scope that ends in /.default."
        ),
        Owner.OPERATOR,
        (
            gettext_noop(
                "Set the scope to %(graph_resource)s/.default for Graph, or %(exchange_resource)s/.default for EWS "
                "and SMTP."
            ),
            gettext_noop("Ask for one resource at a time."),
            gettext_noop("Add the permissions themselves on the application's page API permissions (link below)."),
        ),
        ("permissions", "error"),
    ),
    "user_sign_in_needed": Entry(
        gettext_noop("A user must sign in"),
        gettext_noop(
            "The sign-in belongs to a user, and Entra requires that user: the password is wrong or has "
            "expired, the stored sign-in has expired or was revoked, multifactor authentication (MFA) is "
            "required, or the call works only for a signed-in user."
        ),
        Owner.USER,
        (
            gettext_noop("Sign in again with the account that sends, with MFA."),
            gettext_noop(
                "If the account is locked, disabled or unknown, ask the tenant's administrator (link below: sign-in "
                "logs)."
            ),
            gettext_noop(
                "For an unattended program, use an application permission (Mail.Send) with the client credentials flow "
                "instead of a person's password."
            ),
        ),
        ("sign_ins", "users", "error"),
    ),
    "account_personal_unsupported": Entry(
        gettext_noop("Personal Microsoft accounts cannot be used this way"),
        gettext_noop(
            "Outlook.com, Hotmail and Live accounts have no tenant: an application can send for them only "
            "after the user has signed in, and not by EWS. Or the application's account type does not allow "
            "them."
        ),
        Owner.APP_OWNER,
        (
            gettext_noop("For a company's mail, use a mailbox of the Microsoft 365 tenant instead."),
            gettext_noop(
                "For a personal account, open the application's page Authentication (link below), admit personal "
                "Microsoft accounts and allow public client flows, then sign in by device code."
            ),
            gettext_noop("Send by Graph or SMTP with that sign-in."),
        ),
        ("authentication", "overview", "error"),
    ),
}
