"""The demo's tenants: one without problems, one without consent and EWS, and one that was deleted.

`demo.json` (mode 600) has the values that an administrator would enter. A second start in the same folder keeps them.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.server.certificates import write_private
from sandbox.state.directory import Directory
from sandbox.state.models import MAIL_PERMISSIONS

FILE = "demo.json"


def fill(directory: Directory, folder: Path, now: datetime | None = None) -> Path:
    """Fill an empty directory once; returns the file that describes its contents."""
    file = folder / FILE
    if file.exists():
        return file
    now = now or datetime.now(UTC)
    with directory.batch():
        tenants = [_northpark(directory, now), _harbour(directory, now), _gone(directory, now)]
    write_private(file, json.dumps({"cloud": "lab", "tenants": tenants}, indent=2).encode() + b"\n")
    return file


def _northpark(directory: Directory, now: datetime) -> dict[str, Any]:
    """No problems: all permissions with the optional one are granted, the secret is valid for a year, two mailboxes."""
    facts = _tenant(directory, "Northpark Energy", "northpark.example", ["alarms", "oncall"], now + timedelta(days=365))
    granted = [*MAIL_PERMISSIONS, "Mail.ReadWrite"]
    for permission in granted:
        directory.grant(facts["client_id"], permission)
    return {**facts, "granted": granted, "ews_enabled": True, "exists": True}


def _harbour(directory: Directory, now: datetime) -> dict[str, Any]:
    """Mail.Send was never granted, EWS is disabled for the tenant, and the secret expires in nine days."""
    facts = _tenant(directory, "Harbour Logistics", "harbour.example", ["alarms"], now + timedelta(days=9))
    granted = ["full_access_as_app", "SMTP.SendAsApp"]
    for permission in granted:
        directory.grant(facts["client_id"], permission)
    directory.set_ews(facts["directory_id"], enabled=False)
    return {**facts, "granted": granted, "ews_enabled": False, "exists": True}


def _gone(directory: Directory, now: datetime) -> dict[str, Any]:
    """The company cancelled Microsoft 365: the authority no longer knows the directory."""
    facts = _tenant(directory, "Gone SA", "gone.example", ["alarms"], now + timedelta(days=40))
    directory.remove_tenant(facts["directory_id"])
    return {**facts, "granted": [], "ews_enabled": False, "exists": False}


def _tenant(directory: Directory, name: str, domain: str, mailboxes: list[str], expires_at: datetime) -> dict[str, Any]:
    # Ids derived from the name, so that they are the same in a new folder.
    tenant = directory.add_tenant(name, domain, str(uuid.uuid5(uuid.NAMESPACE_DNS, domain)))
    app = directory.add_app(tenant, "ALERT mail", str(uuid.uuid5(uuid.NAMESPACE_DNS, f"alert.{domain}")))
    secret = directory.add_secret(app, expires_at=expires_at, description="ALERT server")
    addresses = [f"{local}@{domain}" for local in mailboxes]
    for address in addresses:
        directory.add_mailbox(tenant, address)
    return {
        "name": name,
        "domain": domain,
        "directory_id": tenant.directory_id,
        "app_name": app.name,
        "client_id": app.client_id,
        "secret_description": secret.description,
        "secret_key_id": secret.key_id,
        "secret_value": secret.value,
        "secret_starts_at": secret.starts_at.isoformat(),
        "secret_expires_at": secret.expires_at.isoformat(),
        "mailboxes": addresses,
    }
