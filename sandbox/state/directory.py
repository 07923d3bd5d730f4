"""The directory that the sandbox's Entra and Exchange use: tenants, apps, credentials, permissions, and accounts.

It is stored in `directory.json` (mode 600), so that a sandbox started again in the same folder has the same state. Each
method takes records or their ids (directory id, client id, key id, address). Only the SHA-256 of secrets is stored.
"""

from __future__ import annotations

import secrets
import string
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sandbox.state.accounts import Accounts
from sandbox.state.models import Certificate, SandboxApp, SandboxTenant, Secret, moment
from sandbox.state.persistence import Grant
from sandbox.state.store import UnknownRecord, sha256_hex

SECRET_ALPHABET = string.ascii_letters + string.digits + "~._-"


class Directory(Accounts):
    """Tenants, apps, credentials and permissions; `Accounts` has the rest."""

    # Tenants

    def add_tenant(
        self,
        name: str,
        domain: str,
        directory_id: str | None = None,
        ews_enabled: bool = True,
        national_cloud: str = "",
    ) -> SandboxTenant:
        with self.batch():
            key = (directory_id or str(uuid.uuid4())).lower()
            tenant = SandboxTenant(key, name, domain.lower(), ews_enabled, national_cloud=national_cloud)
            self._state.tenants[tenant.directory_id] = tenant
            return tenant

    def remove_tenant(self, tenant: SandboxTenant | str) -> None:
        """Remove a tenant with its apps, mailboxes and people."""
        with self.batch():
            gone = self.tenant(tenant).directory_id
            for app in [app for app in self._state.apps.values() if app.tenant_id == gone]:
                self.remove_app(app)
            self._state.mailboxes = {key: box for key, box in self._state.mailboxes.items() if box.tenant_id != gone}
            self._state.people = {key: one for key, one in self._state.people.items() if one.tenant_id != gone}
            del self._state.tenants[gone]

    def set_ews(self, tenant: SandboxTenant | str, enabled: bool, allowed_apps: list[str] | None = None) -> None:
        """Set EWS for a tenant, as `Set-OrganizationConfig -EwsEnabled -EwsAllowedAppIDs`."""
        with self.batch():
            found = self.tenant(tenant)
            found.ews_enabled, found.ews_allowed_apps = enabled, allowed_apps

    # Apps

    def add_app(
        self,
        tenant: SandboxTenant | str,
        name: str,
        client_id: str | None = None,
        multi_tenant: bool = False,
        wanted: Iterable[str] | None = None,
        redirect_uris: Iterable[str] = (),
        personal_accounts: bool = False,
        public_client: bool = False,
        group_claims: str | None = None,
        assigned_groups: Iterable[str] = (),
    ) -> SandboxApp:
        with self.batch():
            home = self.tenant(tenant).directory_id
            app = SandboxApp((client_id or str(uuid.uuid4())).lower(), name, home, str(uuid.uuid4()), multi_tenant)
            app.redirect_uris = list(redirect_uris)
            app.personal_accounts, app.public_client = personal_accounts, public_client
            app.group_claims, app.assigned_groups = group_claims, list(assigned_groups)
            if wanted is not None:
                app.wanted = list(wanted)
            self._state.apps[app.client_id] = app
            self._state.installed.add((app.client_id, home))
            return app

    def apps(self, tenant: SandboxTenant | str) -> list[SandboxApp]:
        home = self.tenant(tenant).directory_id
        with self._lock:
            return [app for app in self._state.apps.values() if app.tenant_id == home]

    def disable_app(self, app: SandboxApp | str, disabled: bool = True) -> None:
        with self.batch():
            self.app(app).disabled = disabled

    def remove_app(self, app: SandboxApp | str) -> None:
        with self.batch():
            gone, state = self.app(app).client_id, self._state
            del state.apps[gone]
            state.secrets = {key: one for key, one in state.secrets.items() if one.client_id != gone}
            state.certificates = {key: one for key, one in state.certificates.items() if one.client_id != gone}
            state.grants = {grant for grant in state.grants if grant[0] != gone}
            state.scopes = {grant: boxes for grant, boxes in state.scopes.items() if grant[0] != gone}
            state.installed = {pair for pair in state.installed if pair[0] != gone}

    def installed(self, app: SandboxApp | str, tenant: SandboxTenant | str) -> bool:
        """Whether the app has a service principal (an enterprise application) in the tenant."""
        return (self.app(app).client_id, self.tenant(tenant).directory_id) in self._state.installed

    # Credentials

    def add_secret(
        self,
        app: SandboxApp | str,
        value: str | None = None,
        starts_at: datetime | str | None = None,
        expires_at: datetime | str | None = None,
        description: str | None = None,
    ) -> Secret:
        """Add a client secret: by default of 40 characters, as the portal generates them, and valid for 180 days."""
        with self.batch():
            value = value or _new_value()
            start = moment(starts_at) if starts_at else datetime.now(UTC) - timedelta(minutes=5)
            end = moment(expires_at) if expires_at else datetime.now(UTC) + timedelta(days=180)
            key_id, owner = str(uuid.uuid4()), self.app(app).client_id
            secret = Secret(key_id, owner, start, end, value[:3], sha256_hex(value), description)
            self._state.secrets[key_id] = secret
            return Secret(key_id, owner, start, end, value[:3], secret.sha256, description, value)

    def remove_secret(self, app: SandboxApp | str, secret: Secret | str) -> None:
        with self.batch():
            del self._state.secrets[self._secret(app, secret).key_id]

    def expire_secret(self, app: SandboxApp | str, secret: Secret | str) -> None:
        """Set the secret's expiry to a minute ago."""
        with self.batch():
            found = self._secret(app, secret)
            found.expires_at = datetime.now(UTC) - timedelta(minutes=1)
            found.starts_at = min(found.starts_at, found.expires_at - timedelta(days=1))

    def secrets(self, app: SandboxApp | str) -> list[Secret]:
        owner = self.app(app).client_id
        with self._lock:
            return [one for one in self._state.secrets.values() if one.client_id == owner]

    def matching_secret(self, app: SandboxApp | str, value: str) -> Secret | None:
        digest = sha256_hex(value)
        return next((one for one in self.secrets(app) if secrets.compare_digest(one.sha256, digest)), None)

    def add_certificate(self, app: SandboxApp | str, pem: str | bytes) -> Certificate:
        with self.batch():
            text = pem.decode() if isinstance(pem, bytes) else pem
            certificate = Certificate(str(uuid.uuid4()), self.app(app).client_id, text)
            self._state.certificates[certificate.key_id] = certificate
            return certificate

    def certificates(self, app: SandboxApp | str) -> list[Certificate]:
        owner = self.app(app).client_id
        with self._lock:
            return [one for one in self._state.certificates.values() if one.client_id == owner]

    def _secret(self, app: SandboxApp | str, secret: Secret | str) -> Secret:
        key = secret if isinstance(secret, str) else secret.key_id
        found = self._state.secrets.get(key)
        if found is None or found.client_id != self.app(app).client_id:
            raise UnknownRecord(f"no secret with the key id {key}")
        return found

    # Permissions

    def grant(self, app: SandboxApp | str, permission: str, tenant: SandboxTenant | str | None = None) -> None:
        """Grant admin consent for the tenant, by default the app's home; installs the app there."""
        with self.batch():
            key = self._grant_key(app, permission, tenant)
            self._state.grants.add(key)
            self._state.installed.add(key[:2])

    def revoke(self, app: SandboxApp | str, permission: str, tenant: SandboxTenant | str | None = None) -> None:
        """Revoke consent and scope."""
        with self.batch():
            key = self._grant_key(app, permission, tenant)
            self._state.grants.discard(key)
            self._state.scopes.pop(key, None)

    def scope(
        self,
        app: SandboxApp | str,
        permission: str,
        addresses: Iterable[str],
        tenant: SandboxTenant | str | None = None,
    ) -> None:
        """Grant by RBAC for Applications instead of consent: no role in the token, and only these mailboxes."""
        with self.batch():
            key = self._grant_key(app, permission, tenant)
            self._state.grants.discard(key)
            self._state.scopes[key] = [address.lower() for address in addresses]
            self._state.installed.add(key[:2])

    def install(self, app: SandboxApp | str, tenant: SandboxTenant | str) -> None:
        """Add a service principal without permissions."""
        with self.batch():
            self._state.installed.add((self.app(app).client_id, self.tenant(tenant).directory_id))

    def granted(self, client_id: str, tenant_id: str) -> list[str]:
        """Permissions with tenant-wide consent, sorted."""
        with self._lock:
            return sorted(grant[2] for grant in self._state.grants if grant[:2] == (client_id, tenant_id))

    def scoped_mailboxes(self, client_id: str, tenant_id: str, permission: str) -> list[str] | None:
        """The mailboxes that Exchange's RBAC assigns to the app, or None if there is no assignment."""
        return self._state.scopes.get((client_id, tenant_id, permission))

    def is_scoped(self, client_id: str, tenant_id: str) -> bool:
        """Whether Exchange's RBAC assigns any permission in the tenant to the app."""
        return any(grant[:2] == (client_id, tenant_id) for grant in list(self._state.scopes))

    def _grant_key(self, app: SandboxApp | str, permission: str, tenant: SandboxTenant | str | None) -> Grant:
        found = self.app(app)
        return found.client_id, self.tenant(tenant or found.tenant_id).directory_id, permission


def _new_value() -> str:
    """40 characters; the fourth to sixth are fixed, as in secrets that Entra ID currently generates."""
    letters = [secrets.choice(SECRET_ALPHABET) for _ in range(37)]
    return "".join([*letters[:3], "8Q~", *letters[3:]])
