"""Where each national cloud's doors are, and those of Exchange servers on premises.

Source: Microsoft's "National clouds" and "Deploy to national clouds" pages, microsoft/CSS-Exchange for the EWS hosts.
Only the operator adds clouds and servers (a TOML file): a user-set address would be sent the secret or the password.
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


@dataclass(frozen=True, slots=True)
class Server:
    """An Exchange server on premises: `ews` is the URL of its EWS service."""

    slug: str
    label: str
    ews: str
    ca_file: str | None = None
    """PEM file trusted for this server alone, an absolute path; None means the system's authorities."""


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
    return BUILTIN | {slug: _cloud(slug, table, path) for slug, table in _tables(path) if not _is_server(table)}


def load_servers(path: Path | None) -> dict[str, Server]:
    """The Exchange servers on premises of the same file, by slug: tables with `on_premises = true`."""
    if path is None:
        return {}
    return {slug: _server(slug, table, path) for slug, table in _tables(path) if _is_server(table)}


def _tables(path: Path) -> list[tuple[str, dict[str, object]]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CloudsFileError(f"The clouds file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CloudsFileError(f"The clouds file {path} is not valid TOML: {error}.") from error
    for slug, table in content.items():
        if slug in BUILTIN:
            raise CloudsFileError(f"{path}: [{slug}] is built in; give your cloud another name.")
        if not isinstance(table, dict):
            raise CloudsFileError(f"{path}: {slug} must be a table, written [{slug}].")
    return list(content.items())


def _is_server(table: dict[str, object]) -> bool:
    return table.get("on_premises") is True


def _cloud(slug: str, table: dict[str, object], path: Path) -> Cloud:
    values = _texts(slug, table, path, known=[field.name for field in fields(Cloud)])
    for key in ("authority", "graph", "ews", "exchange_resource", "graph_resource"):
        values[key] = _https(slug, key, values[key], path)
    host, _, port = values["smtp"].rpartition(":")
    if not host or not port.isdigit():
        raise CloudsFileError(f'{path}: [{slug}] smtp must be written "host:port".')
    return Cloud(slug=slug, **values)


def _server(slug: str, table: dict[str, object], path: Path) -> Server:
    told = {key: value for key, value in table.items() if key != "on_premises"}
    values = _texts(slug, told, path, known=[field.name for field in fields(Server)])
    return Server(slug=slug, **{**values, "ews": _https(slug, "ews", values["ews"], path)})


_OPTIONAL = {"portal", "exchange_portal", "ca_file"}


def _texts(slug: str, table: dict[str, object], path: Path, *, known: list[str]) -> dict[str, str]:
    """A table's values, each a text, none missing, none unknown; `ca_file` as an absolute path."""
    known = [key for key in known if key != "slug"]
    if unknown := sorted(set(table) - set(known)):
        raise CloudsFileError(f"{path}: [{slug}] has unknown keys {', '.join(unknown)}; known are {', '.join(known)}.")
    if missing := [key for key in known if key not in table and key not in _OPTIONAL]:
        raise CloudsFileError(f"{path}: [{slug}] lacks {', '.join(missing)}.")
    values: dict[str, str] = {}
    for key, value in table.items():
        if not isinstance(value, str) or not value.strip():
            raise CloudsFileError(f"{path}: [{slug}] {key} must be text in quotes.")
        values[key] = value
    if "ca_file" in values:
        ca_file = (path.parent / values["ca_file"]).resolve()
        if not ca_file.is_file():
            raise CloudsFileError(f"{path}: [{slug}] ca_file {ca_file} does not exist.")
        values["ca_file"] = str(ca_file)
    return values


def _https(slug: str, key: str, url: str, path: Path) -> str:
    if urlsplit(url).scheme != "https" or not urlsplit(url).hostname:
        raise CloudsFileError(f'{path}: [{slug}] {key} must begin with "https://".')
    return url.rstrip("/")
