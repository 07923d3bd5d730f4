"""Advice for kinds of causes in the sign-in and in the program's calls."""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.causes import Owner
from mailer.diagnosis.texts.advice import Advice
from mailer.diagnosis.texts.entry import gettext_noop

_OTHER_SERVER = (
    r"(?<![\w.@-])(?:smtp|smtps|smtp-relay|mail|mx|relay|out|send)\d?\."
    r"(?!smtp)[\w-]{1,40}\.(?:[\w-]{1,30}\.)?[a-z]{2,8}\b"
)
_MICROSOFT = (
    r"office365|outlook\.com|outlook\.office|microsoft|\bexchange\b|5\.7\.(?:57|60|139)(?!\d)"
    r"|storedrv|sendasdenied|aadsts"
)

SIGN_IN_ADVICE: Final[tuple[Advice, ...]] = (
    Advice(
        ("smtp_auth_disabled", "basic_auth_retired", "tls"),
        r"no mechanism available|no (?:worthy|supported|suitable|compatible) (?:authentication )?mech"
        r"|unrecognized authentication type|authentication type (?:is )?not supported|no authenticat\w{1,6} found",
        gettext_noop(
            "Program and server found no kind of sign-in that both know: the program lacks one (a SASL module, "
            "XOAUTH2), or the server offers none before the connection is encrypted. Password and mailbox were not "
            "looked at yet."
        ),
        Owner.OPERATOR,
        (
            gettext_noop("Let the program start TLS (STARTTLS, port 587) before it signs in."),
            gettext_noop(
                "Compare what the server offers after EHLO (AUTH …) with what the program can; with Postfix, install "
                "the SASL modules (libsasl2-modules, cyrus-sasl-plain)."
            ),
            gettext_noop(
                "If the server is Exchange Online, the program needs XOAUTH2; if it cannot, send by Microsoft Graph."
            ),
        ),
        gettext_noop("Program and server have no kind of sign-in in common"),
        ("smtp_oauth_doc", "smtp_doc"),
    ),
    Advice(
        ("smtp_auth_disabled", "basic_auth_retired", "token_rejected", "user_sign_in_needed", "send_as_denied"),
        _OTHER_SERVER,
        gettext_noop(
            "The mail server that the text names is not Microsoft 365's, so no setting of Microsoft 365 helps. It "
            "refuses the program's sign-in, or the sender's address for that sign-in."
        ),
        Owner.OPERATOR,
        (
            gettext_noop("Check user name, password, port and encryption as the provider of that server states them."),
            gettext_noop("Use the address of the account that signs in as the sender."),
            gettext_noop("Ask the provider of that server if it still refuses; only they see the reason."),
        ),
        gettext_noop("A mail server outside Microsoft 365 refuses the program"),
        unless=_MICROSOFT,
    ),
    Advice(
        ("certificate_wrong",),
        r"aadsts700024|aadsts500133|not within its valid time range",
        gettext_noop(
            "The program sent a signed statement (client assertion) that is over or not yet valid. It must make a new "
            "one for each request; the certificate itself may be right."
        ),
        Owner.OPERATOR,
        (
            gettext_noop(
                "Compare the times in the text: if the assertion is days old, the program keeps one assertion; let it "
                "make a new one each time (valid for ten minutes at most)."
            ),
            gettext_noop("If the times differ by minutes or hours, set the clock of the machine (NTP, time zone)."),
            gettext_noop("With a federated credential: let the program read its token file again for each request."),
        ),
        gettext_noop("The program's signed statement is out of date"),
        ("error",),
    ),
    Advice(
        ("secret_wrong",),
        r"aadsts700021[68]|(?:must contain|parameter).{0,60}client_assertion|'client_secret' or 'request'",
        gettext_noop("The program sent neither a secret nor a certificate, so none was checked."),
        Owner.OPERATOR,
        (
            gettext_noop(
                "Check that the program has a secret or certificate, and that it is read: an empty variable, a "
                "misspelled setting or a missing file is the usual reason."
            ),
            gettext_noop("The request must have client_secret, or client_assertion with client_assertion_type."),
            gettext_noop(
                "If a user signs in (no secret is meant): allow public client flows under Authentication (link below)."
            ),
        ),
        gettext_noop("The program sent no secret or certificate"),
        ("authentication", "error"),
    ),
    Advice(
        ("user_sign_in_needed",),
        r"/me\b.{0,40}only valid with delegated|delegated authentication flow",
        gettext_noop(
            "The program signs in as an application, without a user, and calls /me, which exists only for a "
            "signed-in user. Its credentials and permissions are not the problem."
        ),
        Owner.OPERATOR,
        (
            gettext_noop("Let the program call /users/%(mailbox)s/sendMail instead of /me/sendMail."),
            gettext_noop(
                "Check that the application has the application permission Mail.Send, with admin consent; a delegated "
                "permission does not count here."
            ),
            gettext_noop("Send a test."),
        ),
        gettext_noop("The program calls /me without a user"),
        ("permissions",),
    ),
    Advice(
        ("smtp_auth_disabled", "tls"),
        r"5\.7\.57|not authenticated to send|secure connection or the client|authentication required|auth required"
        r"|non authentifi|nicht authentifiziert|n'etait pas authentifie",
        gettext_noop(
            "The server takes a message only after a sign-in, and the program sent the message without one: it has "
            "no user name, or it did not start TLS first, without which the server offers no sign-in."
        ),
        Owner.OPERATOR,
        (
            gettext_noop("In the program, set the server %(smtp)s with STARTTLS and the mailbox %(mailbox)s as user."),
            gettext_noop("Let it sign in with a token (XOAUTH2): Exchange Online takes fewer and fewer passwords."),
            gettext_noop(
                "If its log has an earlier error of the sign-in (535 …), that one is the reason: paste it here."
            ),
            gettext_noop("Only if it signs in: allow it for the mailbox, as under Authenticated SMTP (link below)."),
        ),
        gettext_noop("The program did not sign in to the mail server"),
        ("smtp_doc", "smtp_oauth_doc"),
        unless=r"clientauthentication.{0,40}(?:is|:|=) ?(?:disabled|\$?true)|auth(?:entication)? is disabled"
        r"|535 5\.7\.139|smtp_auth_disabled|must issue a starttls",
    ),
    Advice(
        ("conditional_access",),
        r"security defaults",
        gettext_noop(
            "The tenant uses security defaults. They block sign-ins by password alone for every account, and no "
            "account or application can be excluded from them."
        ),
        Owner.TENANT_ADMINISTRATOR,
        (
            gettext_noop(
                "Best: let the program sign in as an application (application permission Mail.Send, with a secret or "
                "certificate). Security defaults do not concern that."
            ),
            gettext_noop(
                "Else turn security defaults off (tenant's overview, Properties) and put Conditional Access policies "
                "in their place, from which this account can be excluded (Entra ID P1)."
            ),
            gettext_noop("Send a test."),
        ),
        gettext_noop("The tenant's security defaults block the sign-in"),
        ("tenant", "sign_ins", "error"),
    ),
    Advice(
        ("conditional_access",),
        r"did not meet the criteria",
        gettext_noop(
            "Entra refused the sign-in by password. Exchange Online says the same for a policy (Conditional Access), "
            "for a wrong password and for a locked account; only the sign-in log says which."
        ),
        Owner.TENANT_ADMINISTRATOR,
        (
            gettext_noop("In the sign-in logs (link below), look at the failed sign-in of %(mailbox)s: it has a code."),
            gettext_noop("50126 is a wrong password: enter the right one in the program. 50053 is a locked account."),
            gettext_noop(
                "530… is a policy: exclude the account from it, or let the program sign in with a token (XOAUTH2)."
            ),
        ),
        gettext_noop("Entra refused the sign-in: a policy, or a wrong password"),
        ("sign_ins", "smtp_oauth_doc"),
    ),
    Advice(
        ("basic_auth_retired", "smtp_auth_disabled", "user_sign_in_needed", "token_rejected"),
        r"smtp-mail\.outlook\.com"
        r"|(?:user(?: ?name)?|login|from|account|for)[ :='\"<]{1,4}[\w.+-]{1,64}"
        r"@(?:outlook|hotmail|live|msn)\.[a-z]{2,3}\b",
        gettext_noop(
            "The account is a personal one (Outlook.com, Hotmail, Live). Those take no password from programs any "
            "more, and there is no tenant: no application secret and no administrator can sign in for them. Only "
            "their user can, in a browser."
        ),
        Owner.OPERATOR,
        (
            gettext_noop("For a company's alerts, use a mailbox of a Microsoft 365 tenant instead."),
            gettext_noop(
                "For the personal account, use a program that signs in by OAuth with the user (device code), and "
                "admit personal Microsoft accounts in the application's registration."
            ),
            gettext_noop("An app password does not help: these accounts no longer take one for SMTP."),
        ),
        gettext_noop("A personal Outlook.com account takes no password from programs"),
        ("smtp_oauth_doc", "authentication"),
    ),
    Advice(
        ("basic_auth_retired",),
        r"new-pssession|connecting to remote server|basic authorization failed|winrm|powershell-liveid",
        gettext_noop(
            "The script opens Exchange Online PowerShell with user name and password (basic authentication), which "
            "Microsoft has switched off. The password may be right."
        ),
        Owner.OPERATOR,
        (
            gettext_noop("Install the current module: Install-Module ExchangeOnlineManagement"),
            gettext_noop(
                "Replace New-PSSession by Connect-ExchangeOnline; unattended with -AppId %(client_id)s "
                "-CertificateThumbprint <thumbprint> -Organization <tenant>.onmicrosoft.com"
            ),
        ),
        gettext_noop("PowerShell no longer signs in with a password"),
    ),
    Advice(
        ("scope_invalid",),
        r"resource principal named|ressourcenprinzipal|principal de (?:la )?ressource|aadsts500011",
        gettext_noop(
            "The request names a resource that the tenant does not have. For Graph and Exchange Online that means "
            "that the scope is written wrongly: every such tenant has them. Often a permission stands where only the "
            "resource belongs."
        ),
        Owner.OPERATOR,
        (
            gettext_noop(
                "Set the scope to exactly %(graph_resource)s/.default for Graph, or "
                "%(exchange_resource)s/.default for EWS and SMTP: no permission after the address."
            ),
            gettext_noop("If the program still has a field Resource, enter only the address, without /.default."),
            gettext_noop("Check that the directory ID is that of the tenant with the mailboxes: %(directory_id)s."),
        ),
        gettext_noop("The scope names a resource that does not exist"),
    ),
    Advice(
        ("ews_blocked",),
        r"useragent (?:allow|block) ?list|ewsallowlist|ewsblocklist",
        gettext_noop(
            "The tenant lets only listed programs in, by the name that they send as User-Agent, and this one is not on "
            "the list. The list also counts for Graph's calls to mailboxes. No permission of the application helps."
        ),
        Owner.EXCHANGE_ADMINISTRATOR,
        (
            gettext_noop("In Exchange Online PowerShell, look at the lists: Get-OrganizationConfig | Format-List Ews*"),
            gettext_noop(
                "Add the program's User-Agent to EwsAllowList (the whole list is overwritten), or take it out of "
                "EwsBlockList. For a mailbox the same lists exist: Get-CASMailbox %(mailbox)s | Format-List Ews*"
            ),
            gettext_noop("Wait up to an hour, then send a test."),
        ),
        gettext_noop("The tenant's list of allowed programs leaves this one out"),
        ("exchange_home", "ews_doc"),
    ),
    Advice(
        ("mailbox_access_denied",),
        r"errorimpersonationrequired|exchangeimpersonation soap header must be present",
        gettext_noop(
            "With EWS, an application must say for which mailbox it acts, by impersonation. This program did not."
        ),
        Owner.OPERATOR,
        (
            gettext_noop(
                "Let the program impersonate %(mailbox)s: the SOAP header ExchangeImpersonation with the mailbox's "
                "primary address, and the header X-AnchorMailbox with the same."
            ),
            gettext_noop("If it cannot, move it to Microsoft Graph: /users/%(mailbox)s/sendMail."),
        ),
        gettext_noop("The program does not say for which mailbox it acts"),
        ("permissions", "rbac_doc"),
    ),
    Advice(
        ("tls",),
        r"first record does not look like|wrong[ _]version[ _]number|unsupported or unrecognized ssl message"
        r"|plaintext connection|unknown protocol|record layer version",
        gettext_noop(
            "The program spoke TLS at once, and the server answered in clear. That port starts in clear and "
            "changes to TLS by STARTTLS: certificates are not the problem."
        ),
        Owner.OPERATOR,
        (
            gettext_noop("Choose STARTTLS (also called explicit TLS) in the program, with port 587: %(smtp)s."),
            gettext_noop("SSL/TLS from the first byte is for port 465, which Exchange Online does not offer."),
            gettext_noop("If the port is right, a proxy or firewall answered in clear: ask who runs it."),
        ),
        gettext_noop("The port does not start with TLS"),
        ("smtp_doc", "endpoints_doc"),
    ),
)
