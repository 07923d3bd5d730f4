"""Factories for rows: a tenant, its app, a secret, a mailbox; in the sandbox too, if one is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from alertadmin.registry.models import AppRegistration, Contact, Credential, CredentialState, Mailbox, Tenant
from alertadmin.registry.permissions import Permission, TransportName
from sandbox import Sandbox


@dataclass
class Site:
    """A customer with all its rows."""

    tenant: Tenant
    app: AppRegistration
    credential: Credential
    mailbox: Mailbox


@dataclass
class Rows:
    now: datetime

    def tenant(self, name: str = "Northpark Energy", contacts: Sequence[str] = (), **fields: object) -> Tenant:
        tenant = Tenant(name=name, **{"directory_id": str(uuid4()), **fields})
        tenant.save()
        for email in contacts:
            Contact.objects.create(tenant=tenant, email=email)
        return tenant

    def app(self, tenant: Tenant | None = None, name: str = "ALERT", **fields: object) -> AppRegistration:
        app = AppRegistration(tenant=tenant or self.tenant(), name=name, **{"client_id": str(uuid4()), **fields})
        app.save()
        return app

    def credential(
        self, app: AppRegistration | None = None, *, days: float = 200, value: str = "", **fields: object
    ) -> Credential:
        """A secret that expires in `days`, or at `expires_at`."""
        defaults: dict[str, object] = {
            "description": "alert",
            "state": CredentialState.CURRENT,
            "expires_at": self.now + timedelta(days=days),
        }
        credential = Credential(app=app or self.app(), **{**defaults, **fields})
        if value:
            credential.store(value)
        credential.save()
        return credential

    def site(
        self,
        sandbox: Sandbox,
        *,
        name: str = "Northpark Energy",
        granted: Sequence[Permission] = tuple(Permission),
        transport: TransportName = TransportName.GRAPH,
        days: float = 200,
        contacts: Sequence[str] = (),
        beside: Site | None = None,
    ) -> Site:
        """A customer with the same data here and in the sandbox, unique in both. With `beside`, another app and
        mailbox of that customer."""
        label = uuid4().hex[:8]
        domain = f"{label}.example"
        address = f"alarms@{domain}"
        if beside is None:
            there = sandbox.directory.add_tenant(name, domain)
        else:
            there = sandbox.directory.tenant(beside.tenant.directory_id)
            address = f"{label}@{beside.tenant.domain}"
        app_there = sandbox.directory.add_app(there, "ALERT")
        secret = sandbox.directory.add_secret(app_there, expires_at=self.now + timedelta(days=3650))
        for permission in granted:
            sandbox.directory.grant(app_there, permission.value)
        sandbox.directory.add_mailbox(there, address)
        tenant = (
            beside.tenant
            if beside
            else self.tenant(name, contacts, directory_id=there.directory_id, domain=domain, cloud=cloud_slug(sandbox))
        )
        app = self.app(tenant, client_id=app_there.client_id, permissions=[p.value for p in Permission])
        credential = self.credential(app, days=days, value=str(secret.value))
        mailbox = Mailbox.objects.create(tenant=tenant, app=app, address=address, transport=transport)
        return Site(tenant, app, credential, mailbox)


def cloud_slug(sandbox: Sandbox) -> str:
    """Slug of the sandbox's cloud in the clouds file."""
    import tomllib

    return next(iter(tomllib.loads(sandbox.clouds_file.read_text(encoding="utf-8"))))
