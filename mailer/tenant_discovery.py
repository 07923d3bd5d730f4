"""Which directory a domain belongs to: the public discovery document tells anybody, without signing in.

Source: OpenID Connect Discovery 1.0; Microsoft identity platform, "OpenID Connect": the tenant's id stands in `issuer`.
`cloud_instance_name` and `tenant_region_sub_scope` are Microsoft's own: the worldwide authority also knows the
directories of the US Government's clouds, and these two say that they are elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from mailer.clouds import BUILTIN, Cloud
from mailer.errors import SendError
from mailer.http import deadline_sockets, wire_errors
from mailer.http.http_session import Session
from mailer.token_client import object_of, refused_by_status

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SUB_SCOPES = {"DODCON": "gcc-high", "DOD": "dod"}
INSTANCES = {
    "microsoftonline.com": "global",
    "microsoftonline.us": "gcc-high",
    "partner.microsoftonline.cn": "china",
    "chinacloudapi.cn": "china",
}
"""By `cloud_instance_name`, and by the host of `token_endpoint` without "login.", where that is left out."""


@dataclass(frozen=True, slots=True)
class TenantDirectory:
    """`cloud` is the slug of the built-in cloud it is really in, where the document names another; else empty."""

    directory_id: str
    cloud: str = ""


def find(name: str, cloud: Cloud, *, timeout: float = 10) -> TenantDirectory:
    """By a verified domain or a directory id. Raises SendError, `tenant_not_found` where there is none."""
    url = f"{cloud.authority}/{quote(name, safe='')}/v2.0/.well-known/openid-configuration"
    try:
        with deadline_sockets.deadline(timeout), Session(cloud.ca_file, timeout=timeout) as session:
            answer = session.get(url)
    except (OSError, ValueError) as error:
        raise wire_errors.failure_of(error, sent=False) from None
    if answer.status_code != 200:
        raise refused_by_status(answer)
    document = object_of(answer)
    found = GUID.search(urlsplit(str(document.get("issuer") or "")).path.lower())
    if found is None:
        raise SendError("other", f"The discovery document of {urlsplit(url).hostname} names no directory.")
    return TenantDirectory(found.group(), _elsewhere(document, cloud))


def _elsewhere(document: dict[str, object], asked: Cloud) -> str:
    """Only Microsoft's own clouds are told apart: an operator's cloud is what its file says."""
    if asked.slug not in BUILTIN:
        return ""
    by_scope = SUB_SCOPES.get(str(document.get("tenant_region_sub_scope")).upper(), "")
    by_instance = _instance(document)
    if not by_scope and by_instance and BUILTIN[by_instance].authority == BUILTIN[asked.slug].authority:
        return ""  # two clouds share an authority
    really = by_scope or by_instance
    return really if really != asked.slug else ""


def _instance(document: dict[str, object]) -> str:
    """The slug of the cloud whose authority speaks of the directory as its own; empty where that is unknown."""
    named = str(document.get("cloud_instance_name") or "")
    host = urlsplit(str(document.get("token_endpoint") or "")).hostname or ""
    return INSTANCES.get(named.lower(), "") or INSTANCES.get(host.removeprefix("login."), "")
