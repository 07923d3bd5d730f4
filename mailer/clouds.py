"""The endpoints of each national cloud and of Exchange servers on premises.

Source: Microsoft's "National clouds" and "Deploy to national clouds" pages, microsoft/CSS-Exchange for the EWS hosts.
Only the operator can add clouds and servers (`clouds_config`): secrets are sent to these addresses.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cloud:
    """URLs without a trailing slash; `smtp` is `host:port`; the scope of a resource is the resource + "/.default"."""

    slug: str
    label: str
    authority: str
    graph: str
    ews: str
    smtp: str
    exchange_resource: str
    graph_resource: str
    portal: str = "https://entra.microsoft.com"
    exchange_portal: str = "https://admin.exchange.microsoft.com"
    ca_file: str | None = None
    """Absolute path of a PEM file: the only authorities trusted for this cloud. None: the system's authorities."""
    personal_smtp: str | None = None
    """`host:port` of SMTP submission for personal accounts; None if the cloud has none, as the national clouds."""

    @property
    def exchange_scope(self) -> str:
        return f"{self.exchange_resource}/.default"

    @property
    def graph_scope(self) -> str:
        return f"{self.graph_resource}/.default"


@dataclass(frozen=True, slots=True)
class Server:
    """An Exchange server on premises: `ews` is the URL of its EWS service."""

    slug: str
    label: str
    ews: str
    ca_file: str | None = None
    """Absolute path of a PEM file: the only authorities trusted for this server. None: the system's authorities."""


BUILTIN = {
    cloud.slug: cloud
    for cloud in (
        Cloud(
            slug="global",
            label="Microsoft 365 (worldwide, GCC)",
            authority="https://login.microsoftonline.com",
            graph="https://graph.microsoft.com",
            ews="https://outlook.office365.com/EWS/Exchange.asmx",
            smtp="smtp.office365.com:587",
            exchange_resource="https://outlook.office365.com",
            graph_resource="https://graph.microsoft.com",
            personal_smtp="smtp-mail.outlook.com:587",
        ),
        Cloud(
            slug="gcc-high",
            label="US Government GCC High",
            authority="https://login.microsoftonline.us",
            graph="https://graph.microsoft.us",
            ews="https://outlook.office365.us/EWS/Exchange.asmx",
            smtp="smtp.office365.us:587",
            exchange_resource="https://outlook.office365.us",
            graph_resource="https://graph.microsoft.us",
            portal="https://entra.microsoft.us",
            exchange_portal="https://admin.exchange.office365.us",
        ),
        Cloud(
            slug="dod",
            label="US Government DoD",
            authority="https://login.microsoftonline.us",
            graph="https://dod-graph.microsoft.us",
            ews="https://outlook-dod.office365.us/EWS/Exchange.asmx",
            smtp="outlook-dod.office365.us:587",
            exchange_resource="https://outlook-dod.office365.us",
            graph_resource="https://dod-graph.microsoft.us",
            portal="https://entra.microsoft.us",
            exchange_portal="https://admin-dod.exchange.office365.us",
        ),
        Cloud(
            slug="china",
            label="China (21Vianet)",
            authority="https://login.partner.microsoftonline.cn",
            graph="https://microsoftgraph.chinacloudapi.cn",
            ews="https://partner.outlook.cn/EWS/Exchange.asmx",
            smtp="smtp.partner.outlook.cn:587",
            exchange_resource="https://partner.outlook.cn",
            graph_resource="https://microsoftgraph.chinacloudapi.cn",
            portal="https://entra.microsoftonline.cn",
            exchange_portal="https://admin.partner.outlook.cn",
        ),
    )
}
