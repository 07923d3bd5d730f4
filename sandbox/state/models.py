"""The records of a directory: tenants, apps, credentials, mailboxes, people. `directory.py` changes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

GRAPH = "https://graph.microsoft.com"
EXCHANGE = "https://outlook.office365.com"
EXCHANGE_NAMES = frozenset({EXCHANGE, "https://outlook.office.com", "00000002-0000-0ff1-ce00-000000000000"})
GRAPH_NAMES = frozenset({GRAPH, "00000003-0000-0000-c000-000000000000"})
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant id of all personal Microsoft accounts."""

NATIONAL: dict[str, dict[str, str | None]] = {
    "": {
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    },
    "gcc": {
        "tenant_region_scope": "NA",
        "tenant_region_sub_scope": "GCC",
        "cloud_instance_name": "microsoftonline.com",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    },
    "gcc-high": {
        "tenant_region_scope": "USGov",
        "tenant_region_sub_scope": "DODCON",
        "cloud_instance_name": "microsoftonline.us",
        "msgraph_host": "graph.microsoft.us",
        "rbac_url": "https://pasff.usgovcloudapi.net",
    },
    "dod": {
        "tenant_region_scope": "USGov",
        "tenant_region_sub_scope": "DOD",
        "cloud_instance_name": "microsoftonline.us",
        "msgraph_host": "dod-graph.microsoft.us",
        "rbac_url": "https://pasff.usgovcloudapi.net",
    },
    "china": {
        "tenant_region_scope": "AS",
        "cloud_instance_name": "partner.microsoftonline.cn",
        "msgraph_host": "microsoftgraph.chinacloudapi.cn",
        "rbac_url": "https://pas.chinacloudapi.cn",
    },
}
"""Fields of the discovery document for each cloud; "gcc" is the worldwide cloud for US governments."""

EXCHANGE_PERMISSIONS = frozenset({"full_access_as_app", "SMTP.SendAsApp", "IMAP.AccessAsApp", "POP.AccessAsApp"})
MAIL_PERMISSIONS = ("Mail.Send", "full_access_as_app", "SMTP.SendAsApp")


def resource_of(permission: str) -> str:
    """The resource whose tokens have this application permission as a role."""
    return EXCHANGE if permission in EXCHANGE_PERMISSIONS else GRAPH


@dataclass(slots=True)
class SandboxTenant:
    """`ews_allowed_apps`: Exchange Online's EwsAllowedAppIDs; None (no list) allows all apps.

    `national_cloud` (a key of NATIONAL): the tenant's actual cloud, for which this authority also answers.
    """

    directory_id: str
    name: str
    domain: str
    ews_enabled: bool = True
    ews_allowed_apps: list[str] | None = None
    national_cloud: str = ""


@dataclass(slots=True)
class SandboxApp:
    """An app registration. `wanted`: its requiredResourceAccess, which admin consent grants.

    Without `redirect_uris` any is accepted. `personal_accounts`: the audience includes them; `public_client`: public
    client flows are allowed. `group_claims`: the manifest's groupMembershipClaims; "SecurityGroup" puts all groups of
    a person into ID tokens, "ApplicationGroup" only those in `assigned_groups`, None none.
    """

    client_id: str
    name: str
    tenant_id: str
    object_id: str
    multi_tenant: bool = False
    disabled: bool = False
    wanted: list[str] = field(default_factory=lambda: list(MAIL_PERMISSIONS))
    redirect_uris: list[str] = field(default_factory=list)
    personal_accounts: bool = False
    public_client: bool = False
    group_claims: str | None = None
    assigned_groups: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Secret:
    """A client secret. `value` is set only in the result of `add_secret`; the directory stores its SHA-256."""

    key_id: str
    client_id: str
    starts_at: datetime
    expires_at: datetime
    hint: str
    sha256: str
    description: str | None = None
    value: str | None = field(default=None, repr=False)

    def valid_at(self, now: datetime) -> bool:
        return self.starts_at <= now < self.expires_at


@dataclass(slots=True)
class Certificate:
    """A certificate's public half, as uploaded to the app registration."""

    key_id: str
    client_id: str
    pem: str


@dataclass(slots=True)
class SandboxMailbox:
    """A mailbox. `send_as`: other addresses that it may use in From."""

    address: str
    tenant_id: str
    object_id: str
    ews_enabled: bool = True
    smtp_auth_enabled: bool = True
    send_as: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SandboxPerson:
    """A person with a work account. `groups`: object ids; `app_roles`: assigned roles by client id.

    `mail`: the address in the directory. It is not verified: a tenant's administrator can set any address.
    """

    object_id: str
    tenant_id: str
    username: str
    name: str
    mail: str | None = None
    groups: list[str] = field(default_factory=list)
    app_roles: dict[str, list[str]] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    """The claim `amr`: the authentication methods used."""
    contexts: list[str] = field(default_factory=list)
    """The claim `acrs`: the authentication contexts satisfied."""
    disabled: bool = False


@dataclass(slots=True)
class SandboxSignIn:
    """A refresh token, of which the directory stores the SHA-256. `scope`: what the person consented to."""

    client_id: str
    address: str
    scope: str
    issued_at: datetime
    is_revoked: bool = False


def moment(value: datetime | str) -> datetime:
    """An aware datetime from a datetime or ISO text; the default zone is UTC."""
    parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
