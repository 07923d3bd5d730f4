"""Settings per program for one mailbox of one app, in the terms of that program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.registry.models import AppRegistration, Mailbox, SignInAudience
from alertadmin.registry.scripts.snippets import GRAPH_ENVIRONMENTS, powershell_text
from mailer.clouds import Cloud

MULTITENANT = frozenset({SignInAudience.MULTIPLE_ORGS, SignInAudience.ALL})
Text = str | Promise


@dataclass(frozen=True)
class SheetLine:
    """One setting. `value` is empty for the secret, which is rendered separately."""

    name: Text
    value: str = ""
    note: Text = ""
    is_secret: bool = False


@dataclass(frozen=True)
class Sheet:
    lines: list[SheetLine]
    notes: list[Text]
    sample: str = ""
    """Sample file or script; it reads the secret from an environment variable."""


@dataclass(frozen=True)
class Values:
    """Input of the settings."""

    cloud: Cloud
    app: AppRegistration
    mailbox: Mailbox

    @property
    def directory_id(self) -> str:
        return self.mailbox.tenant.directory_id

    def endpoint(self, name: str, tenant: str = "") -> str:
        return f"{self.cloud.authority}/{tenant or self.directory_id}/oauth2/v2.0/{name}"


def _alert(values: Values) -> Sheet:
    """Settings of ALERT. Source: Micromedia, ALERT's manual, "Office 365 (OAuth)"."""
    shared = "common" if values.app.audience in MULTITENANT else ""
    notes: list[Text] = [_("ALERT 4.0 revision 2 build 365 or newer.")]
    if shared:
        notes.append(
            _(
                "For a multitenant app ALERT's manual says “common”. But a token without a user is given by a tenant's "
                "own address alone: where Microsoft answers AADSTS50059, AADSTS50194 or AADSTS9001023, enter these "
                "instead: %(auth)s and %(token)s"
            )
            % {"auth": values.endpoint("authorize"), "token": values.endpoint("token")}
        )
    if values.mailbox.transport == "ews":
        notes.append(_("It sends by EWS, which Exchange Online switches off permanently on 1 April 2027."))
    return Sheet(
        [
            SheetLine(_("Exchange version"), "Office 365"),
            SheetLine(_("E-mail address"), values.mailbox.address),
            SheetLine(_("Directory (tenant) ID"), values.directory_id),
            SheetLine(_("Application (client) ID"), values.app.client_id),
            SheetLine(_("Client secret value"), is_secret=True),
            SheetLine("authUri", values.endpoint("authorize", shared)),
            SheetLine("tokenUri", values.endpoint("token", shared)),
        ],
        notes,
    )


def _generic(values: Values) -> Sheet:
    host, _colon, port = values.cloud.smtp.partition(":")
    return Sheet(
        [
            SheetLine(_("Grant type"), "client_credentials"),
            SheetLine(_("Token URL"), values.endpoint("token")),
            SheetLine(_("Client ID"), values.app.client_id),
            SheetLine(_("Client secret"), is_secret=True),
            SheetLine(_("Scope for Microsoft Graph"), values.cloud.graph_scope),
            SheetLine(_("Address to send to (Graph)"), _send_mail(values)),
            SheetLine(_("Scope for EWS and SMTP"), values.cloud.exchange_scope),
            SheetLine(_("EWS URL"), values.cloud.ews),
            SheetLine(_("SMTP host"), host),
            SheetLine(_("SMTP port"), port, _("STARTTLS, then AUTH XOAUTH2")),
            SheetLine(_("E-mail address"), values.mailbox.address),
        ],
        [_("One token is for one resource: Graph does not accept a token for Exchange, nor Exchange one for Graph.")],
    )


def _send_mail(values: Values) -> str:
    return f"{values.cloud.graph}/v1.0/users/{quote(values.mailbox.address, safe='@')}/sendMail"


def _msmtp(values: Values) -> Sheet:
    host, _colon, port = values.cloud.smtp.partition(":")
    token = (
        f"curl -s -d grant_type=client_credentials -d client_id={values.app.client_id}"
        f" --data-urlencode client_secret=$ALERTADMIN_SECRET -d scope={values.cloud.exchange_scope}"
        f" {values.endpoint('token')} | jq -r .access_token"
    )
    sample = "\n".join(
        (
            "account microsoft365",
            f"host {host}",
            f"port {port}",
            "tls on",
            "tls_starttls on",
            "auth xoauth2",
            f"user {values.mailbox.address}",
            f"from {values.mailbox.address}",
            f'passwordeval "{token}"',
        )
    )
    notes: list[Text] = [
        _("Put the secret into the environment variable ALERTADMIN_SECRET; curl and jq must be installed."),
        _("The app needs SMTP.SendAsApp, and the mailbox SMTP AUTH."),
    ]
    return Sheet([SheetLine(_("Client secret"), is_secret=True)], notes, sample)


def _powershell(values: Values) -> Sheet:
    text = powershell_text
    environment = GRAPH_ENVIRONMENTS.get(values.cloud.slug)
    sample = "\n".join(
        (
            "$secret = ConvertTo-SecureString $env:ALERTADMIN_SECRET -AsPlainText -Force",
            f"$credential = New-Object PSCredential({text(values.app.client_id)}, $secret)",
            f"Connect-MgGraph -TenantId {text(values.directory_id)} -ClientSecretCredential $credential"
            + (f" -Environment {environment}" if environment else ""),
            "$message = @{",
            "  Subject = 'Test'",
            "  Body = @{ ContentType = 'Text'; Content = 'It works.' }",
            f"  ToRecipients = @(@{{ EmailAddress = @{{ Address = {text(values.mailbox.address)} }} }})",
            "}",
            f"Send-MgUserMail -UserId {text(values.mailbox.address)} -Message $message",
        )
    )
    notes: list[Text] = [_("Needs the modules Microsoft.Graph.Authentication and Microsoft.Graph.Users.Actions.")]
    return Sheet([SheetLine(_("Client secret"), is_secret=True)], notes, sample)


def _python(values: Values) -> Sheet:
    sample = "\n".join(
        (
            "import os",
            "import msal",
            "import requests",
            "",
            "app = msal.ConfidentialClientApplication(",
            f"    {values.app.client_id!r},",
            f"    authority={values.cloud.authority + '/' + values.directory_id!r},",
            '    client_credential=os.environ["ALERTADMIN_SECRET"],',
            ")",
            f"token = app.acquire_token_for_client([{values.cloud.graph_scope!r}])",
            "message = {",
            '    "subject": "Test",',
            '    "body": {"contentType": "Text", "content": "It works."},',
            f'    "toRecipients": [{{"emailAddress": {{"address": {values.mailbox.address!r}}}}}],',
            "}",
            "answer = requests.post(",
            f"    {_send_mail(values)!r},",
            '    json={"message": message},',
            '    headers={"Authorization": "Bearer " + token["access_token"]},',
            "    timeout=30,",
            ")",
            "answer.raise_for_status()  # 202: accepted",
        )
    )
    return Sheet([SheetLine(_("Client secret"), is_secret=True)], [_("Needs msal and requests.")], sample)


@dataclass(frozen=True)
class SheetProgram:
    slug: str
    name: Text
    sheet: Callable[[Values], Sheet]


PROGRAMS = (
    SheetProgram("alert", "ALERT", _alert),
    SheetProgram("generic", gettext_lazy("Any program with OAuth"), _generic),
    SheetProgram("msmtp", "msmtp", _msmtp),
    SheetProgram("powershell", "PowerShell", _powershell),
    SheetProgram("python", "Python", _python),
)


def program_of(slug: str) -> SheetProgram:
    """Return the named program, or the first one."""
    return next((one for one in PROGRAMS if one.slug == slug), PROGRAMS[0])
