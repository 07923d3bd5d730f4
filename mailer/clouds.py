"""Where each national cloud's doors are.

Source: Microsoft's "National clouds" and "Deploy to national clouds" pages, microsoft/CSS-Exchange for the EWS hosts.
Only the operator adds clouds (a TOML file): a user-set authority would be sent the client secret.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit


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
    """PEM file trusted for this cloud alone, an absolute path; None means the system's authorities."""

    @property
    def exchange_scope(self) -> str:
        return f"{self.exchange_resource}/.default"

    @property
    def graph_scope(self) -> str:
        return f"{self.graph_resource}/.default"


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


class CloudsFileError(ValueError):
    """The clouds file cannot be used; the message says which entry and what to write instead."""


def load_clouds(path: Path | None) -> dict[str, Cloud]:
    """The built-in clouds and those of the operator's TOML file, by slug. Raises CloudsFileError."""
    if path is None:
        return dict(BUILTIN)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CloudsFileError(f"The clouds file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CloudsFileError(f"The clouds file {path} is not valid TOML: {error}.") from error
    return BUILTIN | {slug: _cloud(slug, table, path) for slug, table in tables.items()}


_OPTIONAL = {"portal", "exchange_portal", "ca_file"}
_KEYS = [field.name for field in fields(Cloud) if field.name != "slug"]


def _cloud(slug: str, table: object, path: Path) -> Cloud:
    if slug in BUILTIN:
        raise CloudsFileError(f"{path}: [{slug}] is built in; give your cloud another name.")
    if not isinstance(table, dict):
        raise CloudsFileError(f"{path}: {slug} must be a table, written [{slug}].")
    values = {key: table[key] for key in _KEYS if key in table}
    if unknown := sorted(set(table) - set(_KEYS)):
        raise CloudsFileError(f"{path}: [{slug}] has unknown keys {', '.join(unknown)}; known are {', '.join(_KEYS)}.")
    if missing := [key for key in _KEYS if key not in table and key not in _OPTIONAL]:
        raise CloudsFileError(f"{path}: [{slug}] lacks {', '.join(missing)}.")
    for key, value in values.items():
        if not isinstance(value, str) or not value.strip():
            raise CloudsFileError(f"{path}: [{slug}] {key} must be text in quotes.")
    for key in ("authority", "graph", "ews", "exchange_resource", "graph_resource"):
        values[key] = values[key].rstrip("/")
        if urlsplit(values[key]).scheme != "https":
            raise CloudsFileError(f'{path}: [{slug}] {key} must begin with "https://".')
    host, _, port = values["smtp"].rpartition(":")
    if not host or not port.isdigit():
        raise CloudsFileError(f'{path}: [{slug}] smtp must be written "host:port".')
    if "ca_file" in values:
        ca_file = (path.parent / values["ca_file"]).resolve()
        if not ca_file.is_file():
            raise CloudsFileError(f"{path}: [{slug}] ca_file {ca_file} does not exist.")
        values["ca_file"] = str(ca_file)
    return Cloud(slug=slug, **values)
