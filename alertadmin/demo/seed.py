"""Fill a demonstration with example data: three tenants, secrets in every state, and one tenant left to register."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alertadmin.registry import registration
from alertadmin.registry.consent import checks
from alertadmin.registry.credentials import rotation
from alertadmin.registry.models import AppRegistration, Mailbox, Tenant
from alertadmin.registry.permissions import Permission, TransportName
from sandbox.control.client import Control

CLOUD = "lab"
TIME_ZONES = {"northpark.example": "Europe/London", "harbour.example": "Europe/Paris", "gone.example": "Europe/Zurich"}
TRANSPORTS = {
    "alarms@northpark.example": TransportName.GRAPH,
    "oncall@northpark.example": TransportName.EWS,
    "alarms@harbour.example": TransportName.EWS,
    "alarms@gone.example": TransportName.GRAPH,
}
SENDS_REMINDERS = "alarms@northpark.example"


@dataclass(frozen=True)
class DemoApp:
    """Another app of the healthy tenant; `days` until its secret expires (negative: expired)."""

    name: str
    days: int
    replaced_after: int | None = None
    """Days until the secret expires that replaced the first one; None without a replacement."""


APPS = (
    DemoApp("Weather feed", -12),
    DemoApp("Historian reports", 3),
    DemoApp("Backup notices", 25),
    DemoApp("Access control", 40, replaced_after=200),
)


class Seeding:
    """Each part is skipped if an earlier start did it, so that changes of the user are kept."""

    def __init__(self, url: str, ca_file: str, key: str, tenants_file: Path, now: datetime) -> None:
        self._sandbox = Control(url, ca_file, key=key).directory
        self._tenants: list[dict[str, Any]] = json.loads(tenants_file.read_text(encoding="utf-8"))["tenants"]
        self._to_register = tenants_file.with_name("to-register.txt")
        self._now = now

    def run(self) -> None:
        new = [spec for spec in self._tenants if not Tenant.objects.filter(directory_id=spec["directory_id"]).exists()]
        for spec in new:
            self._register(spec)
        healthy = Tenant.objects.filter(directory_id=self._tenants[0]["directory_id"]).first()
        if new and healthy:
            for app in APPS:
                self._register_app(healthy, app)
            list(checks.check_consents(checks.required_pairs(), now=self._now))
        if not self._to_register.exists():
            self._leave_one_to_register()

    def _register(self, spec: dict[str, Any]) -> None:
        tenant = Tenant(
            name=spec["name"],
            directory_id=spec["directory_id"],
            domain=spec["domain"],
            cloud=CLOUD,
            time_zone=TIME_ZONES.get(spec["domain"], "UTC"),
        )
        app = AppRegistration(name=spec["app_name"], client_id=spec["client_id"], permissions=[*Permission.values])
        registration.register(
            tenant=tenant,
            contacts=[f"it@{spec['domain']}"],
            app=app,
            value=spec["secret_value"],
            description=spec["secret_description"],
            starts_at=datetime.fromisoformat(spec["secret_starts_at"]),
            expires_at=datetime.fromisoformat(spec["secret_expires_at"]),
        )
        for address in spec["mailboxes"]:
            Mailbox.objects.create(
                tenant=tenant,
                app=app,
                address=address,
                transport=TRANSPORTS.get(address, TransportName.GRAPH),
                sends_reminders=address == SENDS_REMINDERS,
            )

    def _register_app(self, tenant: Tenant, plan: DemoApp) -> None:
        name = f"{plan.name.lower().replace(' ', '-')}.{tenant.domain}"
        client_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        if AppRegistration.objects.filter(client_id=client_id).exists():
            return
        if self._sandbox.find_app(client_id) is None:
            self._sandbox.add_app(tenant.directory_id, plan.name, client_id)
            self._sandbox.grant(client_id, Permission.MAIL_SEND.value)
        app = AppRegistration(tenant=tenant, name=plan.name, client_id=client_id)
        app.full_clean()
        app.save()
        registration.add_credential(app, **self._secret(client_id, plan.days))
        if plan.replaced_after is not None:
            rotation.rotate(app, **self._secret(client_id, plan.replaced_after), now=self._now)

    def _secret(self, client_id: str, days: int) -> dict[str, Any]:
        """Have the sandbox create a secret, half a year before its expiry date."""
        # One hour more, so that "in 3 days" is still true when the user opens the page.
        end = self._now + timedelta(days=days, hours=1)
        start = min(end - timedelta(days=180), self._now - timedelta(minutes=5))
        made = self._sandbox.add_secret(client_id, starts_at=start, expires_at=end, description="ALERT server")
        return {"value": made.value, "starts_at": start, "expires_at": end, "description": "ALERT server"}

    def _leave_one_to_register(self) -> None:
        """Write a file with the values of a tenant that exists in the sandbox only, for the user to register."""
        name, domain = "Lakeside Water", "lakeside.example"
        directory_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, domain))
        client_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"alert.{domain}"))
        address = f"alarms@{domain}"
        account = "alarms.lakeside@outlook.example"
        if self._sandbox.find_tenant(directory_id) is None:
            self._sandbox.add_tenant(name, domain, directory_id)
            self._sandbox.add_app(directory_id, "ALERT mail", client_id, personal_accounts=True, public_client=True)
            self._sandbox.add_account(account)
            self._sandbox.add_mailbox(directory_id, address)
            for permission in Permission.values:
                self._sandbox.grant(client_id, permission)
        secret = self._sandbox.add_secret(
            client_id, expires_at=self._now + timedelta(days=20), description="ALERT server"
        )
        lines = {
            "Name": name,
            "Directory (tenant) ID": directory_id,
            "Primary domain": domain,
            "Cloud": "Sandbox",
            "App name": "ALERT mail",
            "Application (client) ID": client_id,
            "Secret value": secret.value,
            "Secret ends": f"{secret.expires_at:%Y-%m-%d}",
            "Mailbox": address,
            "Personal account": account,
        }
        text = "".join(f"{label + ':':<25}{value}\n" for label, value in lines.items())
        with os.fdopen(os.open(self._to_register, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
