"""The operator's clouds file: TOML that adds clouds and Exchange servers on premises.

[lab]                                            [plant]
label = "Lab"                                    label = "Plant, Exchange 2019"
authority = "https://localhost:9443"             on_premises = true
graph = "https://localhost:9443/graph"           ews = "https://mail.plant.example/EWS/Exchange.asmx"
ews = "https://localhost:9443/EWS/Exchange.asmx" ca_file = "plant.pem"
smtp = "localhost:9587"
exchange_resource = "https://outlook.office365.com"
graph_resource = "https://graph.microsoft.com"
ca_file = "ca.pem"
personal_smtp = "localhost:9587"                 # for personal accounts; default: `smtp`
"""

from __future__ import annotations

import re
import ssl
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from mailer.clouds import BUILTIN, Cloud, Server

MAX_SLUG_LENGTH = 40
"""Characters; the size of the database columns."""
_OPTIONAL = frozenset({"portal", "exchange_portal", "ca_file", "personal_smtp"})


class CloudsFileError(ValueError):
    """The clouds file cannot be used. The message names the entry and says what to write instead."""


@dataclass(frozen=True, slots=True)
class CloudsFile:
    """The valid entries of a file. An invalid entry is left out and does not affect the others."""

    clouds: dict[str, Cloud]
    """The built-in clouds and the file's, by slug."""
    servers: dict[str, Server]
    errors: tuple[str, ...] = ()
    """One sentence for each invalid entry, or for the whole file."""


def read_clouds_file(path: Path | None) -> CloudsFile:
    """Read all valid entries. Raises nothing."""
    clouds, servers, errors = dict(BUILTIN), {}, []
    try:
        tables = _tables(path) if path else {}
    except CloudsFileError as error:
        tables, errors = {}, [str(error)]
    for slug, table in tables.items():
        try:
            entry = _entry(path, slug, table)  # type: ignore[arg-type]
            if entry.on_premises:
                servers[slug] = _server(entry)
            else:
                clouds[slug] = _cloud(entry)
        except CloudsFileError as error:
            errors.append(str(error))
    return CloudsFile(clouds, servers, tuple(errors))


def load_clouds(path: Path | None) -> dict[str, Cloud]:
    """The built-in clouds and those of the operator's TOML file, by slug. Raises CloudsFileError."""
    if path is None:
        return dict(BUILTIN)
    return BUILTIN | {entry.slug: _cloud(entry) for entry in _entries(path) if not entry.on_premises}


def load_servers(path: Path | None) -> dict[str, Server]:
    """The file's Exchange servers on premises (tables with `on_premises = true`), by slug. Raises CloudsFileError."""
    if path is None:
        return {}
    return {entry.slug: _server(entry) for entry in _entries(path) if entry.on_premises}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One table of the file."""

    path: Path
    slug: str
    table: dict[str, object]
    on_premises: bool

    def error(self, what: str) -> CloudsFileError:
        return CloudsFileError(f"{self.path}: [{self.slug}] {what}")


def _entries(path: Path) -> list[_Entry]:
    return [_entry(path, slug, table) for slug, table in _tables(path).items()]


def _tables(path: Path) -> dict[str, object]:
    try:
        # utf-8-sig: editors on Windows write a byte order mark.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CloudsFileError(f"The clouds file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CloudsFileError(f"The clouds file {path} is not valid TOML: {error}.") from error


def _entry(path: Path, slug: str, table: object) -> _Entry:
    if slug in BUILTIN:
        raise CloudsFileError(f"{path}: [{slug}] is built in; give your cloud another name.")
    if not isinstance(table, dict):
        raise CloudsFileError(f"{path}: {slug} must be a table, written [{slug}].")
    on_premises = table.get("on_premises", False)
    entry = _Entry(path, slug, {key: value for key, value in table.items() if key != "on_premises"}, bool(on_premises))
    if not isinstance(on_premises, bool):
        raise entry.error("on_premises must be true or false, without quotes.")
    if not slug.strip() or len(slug) > MAX_SLUG_LENGTH:
        raise entry.error(f"must have a name of 1 to {MAX_SLUG_LENGTH} characters.")
    return entry


def _cloud(entry: _Entry) -> Cloud:
    values = _strings(entry, known=[field.name for field in fields(Cloud)])
    for key in ("authority", "graph", "ews", "portal", "exchange_portal"):
        if key in values:
            values[key] = _https(entry, key, values[key])
    for key in ("exchange_resource", "graph_resource"):
        values[key] = _resource(entry, key, values[key])
    values.setdefault("personal_smtp", values["smtp"])
    for key in ("smtp", "personal_smtp"):
        host, _, port = values[key].rpartition(":")
        if not host or not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
            raise entry.error(f'{key} must be written "host:port".')
    return Cloud(slug=entry.slug, **values)


def _server(entry: _Entry) -> Server:
    values = _strings(entry, known=[field.name for field in fields(Server)])
    return Server(slug=entry.slug, **{**values, "ews": _https(entry, "ews", values["ews"])})


def _strings(entry: _Entry, *, known: list[str]) -> dict[str, str]:
    """A table's values, checked for missing and unknown keys; `ca_file` as an absolute path."""
    known = [key for key in known if key != "slug"]
    if unknown := sorted(set(entry.table) - set(known)):
        raise entry.error(f"has unknown keys {', '.join(unknown)}; known are {', '.join(known)}.")
    if missing := [key for key in known if key not in entry.table and key not in _OPTIONAL]:
        raise entry.error(f"lacks {', '.join(missing)}.")
    values: dict[str, str] = {}
    for key, value in entry.table.items():
        if not isinstance(value, str) or not value.strip():
            raise entry.error(f"{key} must be text in quotes.")
        values[key] = value.strip()
    if "ca_file" in values:
        values["ca_file"] = _ca_file(entry, values["ca_file"])
    return values


def _ca_file(entry: _Entry, name: str) -> str:
    ca_file = (entry.path.parent / name).resolve()
    if not ca_file.is_file():
        raise entry.error(f"ca_file {ca_file} does not exist.")
    try:
        ssl.create_default_context(cafile=str(ca_file))
    except OSError:  # includes ssl.SSLError
        raise entry.error(f"ca_file {ca_file} holds no certificate in PEM that can be read.") from None
    return str(ca_file)


def _https(entry: _Entry, key: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        whole = parts.scheme == "https" and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        raise entry.error(f"{key} is not an address that can be read.") from None
    if not whole:
        raise entry.error(f'{key} must begin with "https://" and a host.')
    if parts.username is not None or parts.query or parts.fragment or re.search(r"\s", url):
        raise entry.error(f'{key} must be "https://", a host and perhaps a path, and nothing more.')
    return url.rstrip("/")


def _resource(entry: _Entry, key: str, resource: str) -> str:
    """The URI or the id of a resource. Only the token endpoint can check it further."""
    if re.search(r"\s", resource):
        raise entry.error(f"{key} must be one resource, without spaces.")
    return resource.removesuffix("/.default").rstrip("/")
