"""Lookup of the directory of a domain in the public OpenID discovery document, which needs no sign-in.

Source: OpenID Connect Discovery 1.0; Microsoft identity platform, "OpenID Connect": `issuer` contains the tenant's id.
`cloud_instance_name` and `tenant_region_sub_scope` are Microsoft's extensions: the worldwide authority also answers for
directories of the US Government clouds, and these two fields name the actual cloud.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from mailer.clouds import BUILTIN, Cloud
from mailer.errors import SendError
from mailer.http import deadline_sockets, wire_errors
from mailer.http.http_session import Session
from mailer.token_client import json_object, status_error

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SUB_SCOPES = {"DODCON": "gcc-high", "DOD": "dod"}
INSTANCES = {
    "microsoftonline.com": "global",
    "microsoftonline.us": "gcc-high",
    "partner.microsoftonline.cn": "china",
    "chinacloudapi.cn": "china",
}
"""Cloud slugs by `cloud_instance_name`, or if that is missing by the host of `token_endpoint` without "login."."""


@dataclass(frozen=True, slots=True)
class TenantDirectory:
    """`cloud` is the slug of the directory's built-in cloud if it is another than the requested one; otherwise
    empty."""

    directory_id: str
    cloud: str = ""


def find(name: str, cloud: Cloud, *, timeout: float = 10) -> TenantDirectory:
    """Find a directory by a verified domain or by its id. Raises SendError; `tenant_not_found` if there is none."""
    url = f"{cloud.authority}/{quote(name, safe='')}/v2.0/.well-known/openid-configuration"
    try:
        with deadline_sockets.deadline(timeout), Session(cloud.ca_file, timeout=timeout) as session:
            answer = session.get(url)
    except (OSError, ValueError) as error:
        raise wire_errors.to_send_error(error, sent=False) from None
    if answer.status_code != 200:
        raise status_error(answer)
    document = json_object(answer)
    found = GUID.search(urlsplit(str(document.get("issuer") or "")).path.lower())
    if found is None:
        raise SendError("other", f"The discovery document of {urlsplit(url).hostname} names no directory.")
    return TenantDirectory(found.group(), _elsewhere(document, cloud))


def _elsewhere(document: dict[str, object], asked: Cloud) -> str:
    """The slug of the other built-in cloud that the document names; empty if none. Not for an operator's own clouds."""
    if asked.slug not in BUILTIN:
        return ""
    by_scope = SUB_SCOPES.get(str(document.get("tenant_region_sub_scope")).upper(), "")
    by_instance = _instance(document)
    if not by_scope and by_instance and BUILTIN[by_instance].authority == BUILTIN[asked.slug].authority:
        return ""  # GCC High and DoD share an authority
    really = by_scope or by_instance
    return really if really != asked.slug else ""


def _instance(document: dict[str, object]) -> str:
    """The slug of the cloud that the document names as the directory's; empty if unknown."""
    named = str(document.get("cloud_instance_name") or "")
    host = urlsplit(str(document.get("token_endpoint") or "")).hostname or ""
    return INSTANCES.get(named.lower(), "") or INSTANCES.get(host.removeprefix("login."), "")
