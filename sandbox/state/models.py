"""What a directory holds: tenants, apps, their credentials, mailboxes. Plain data; `directory.py` changes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

GRAPH = "https://graph.microsoft.com"
EXCHANGE = "https://outlook.office365.com"
EXCHANGE_NAMES = frozenset({EXCHANGE, "https://outlook.office.com", "00000002-0000-0ff1-ce00-000000000000"})
GRAPH_NAMES = frozenset({GRAPH, "00000003-0000-0000-c000-000000000000"})
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant id in which all personal Microsoft accounts live."""

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
"""What the discovery document says of a directory in each cloud; "gcc" is the worldwide one for governments."""

EXCHANGE_PERMISSIONS = frozenset({"full_access_as_app", "SMTP.SendAsApp", "IMAP.AccessAsApp", "POP.AccessAsApp"})
MAIL_PERMISSIONS = ("Mail.Send", "full_access_as_app", "SMTP.SendAsApp")


def resource_of(permission: str) -> str:
    """The resource whose tokens carry this application permission as a role."""
    return EXCHANGE if permission in EXCHANGE_PERMISSIONS else GRAPH


@dataclass(slots=True)
class SandboxTenant:
    """`ews_allowed_apps` is Exchange Online's EwsAllowedAppIDs: None is no list, all apps may.

    `national_cloud` (a key of NATIONAL) says where it really is, though this authority knows it too.
    """

    directory_id: str
    name: str
    domain: str
    ews_enabled: bool = True
    ews_allowed_apps: list[str] | None = None
    national_cloud: str = ""


@dataclass(slots=True)
class SandboxApp:
    """An app registration. `wanted` is its requiredResourceAccess, which admin consent grants.

    Without `redirect_uris` any is taken. `personal_accounts` says that the audience admits them; `public_client` that
    public client flows are allowed. `group_claims` is the manifest's groupMembershipClaims: "SecurityGroup" puts every
    group of a person into ID tokens, "ApplicationGroup" those in `assigned_groups` alone, None none.
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
    """A client secret. `value` is known only where it was made; the directory keeps its SHA-256 alone."""

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
    """`send_as` lists other addresses this mailbox may put into From."""

    address: str
    tenant_id: str
    object_id: str
    ews_enabled: bool = True
    smtp_auth_enabled: bool = True
    send_as: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SandboxPerson:
    """Somebody with a work account. `groups` are object ids; `app_roles` are assigned by client id.

    `mail` is what the directory says of their address, which nobody proved: any administrator of a tenant sets it.
    """

    object_id: str
    tenant_id: str
    username: str
    name: str
    mail: str | None = None
    groups: list[str] = field(default_factory=list)
    app_roles: dict[str, list[str]] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    """What `amr` says that they signed in by."""
    contexts: list[str] = field(default_factory=list)
    """The authentication contexts that they satisfy: what `acrs` says where it is asked for."""
    disabled: bool = False


@dataclass(slots=True)
class SandboxSignIn:
    """A refresh token, of which the directory keeps the SHA-256 alone. `scope` is what the person agreed to."""

    client_id: str
    address: str
    scope: str
    issued_at: datetime
    is_revoked: bool = False


def moment(value: datetime | str) -> datetime:
    """An aware moment from a datetime or ISO text; without a zone it is UTC."""
    parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
