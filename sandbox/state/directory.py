"""The directory that Entra and Exchange read: who exists, what is granted, which mailbox is there.

Kept in `directory.json` (mode 600) so that a sandbox started again in the same folder is the same. Each method takes
records or their ids (directory id, client id, key id, address). Secrets are kept as SHA-256 only.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sandbox.state.models import (
    CONSUMERS,
    Certificate,
    SandboxApp,
    SandboxMailbox,
    SandboxPerson,
    SandboxSignIn,
    SandboxTenant,
    Secret,
    moment,
)
from sandbox.state.persistence import DirectoryState, Grant

SECRET_ALPHABET = string.ascii_letters + string.digits + "~._-"


class UnknownTenant(LookupError):
    """No such tenant, app, secret or mailbox."""


class Directory:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.RLock()
        self._held = 0
        self._state = DirectoryState.read(file)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Many changes, one write: for filling a directory with thousands of tenants."""
        with self._lock:
            self._held += 1
            try:
                yield
            finally:
                self._held -= 1
                if not self._held:
                    self._state.write(self._file)

    # Tenants

    def add_tenant(
        self,
        name: str,
        domain: str,
        directory_id: str | None = None,
        ews_enabled: bool = True,
        national_cloud: str = "",
    ) -> SandboxTenant:
        with self.together():
            key = (directory_id or str(uuid.uuid4())).lower()
            tenant = SandboxTenant(key, name, domain.lower(), ews_enabled, national_cloud=national_cloud)
            self._state.tenants[tenant.directory_id] = tenant
            return tenant

    def remove_tenant(self, tenant: SandboxTenant | str) -> None:
        """The directory is gone from the authority, and its apps and mailboxes with it."""
        with self.together():
            gone = self.tenant(tenant).directory_id
            for app in [app for app in self._state.apps.values() if app.tenant_id == gone]:
                self.remove_app(app)
            self._state.mailboxes = {key: box for key, box in self._state.mailboxes.items() if box.tenant_id != gone}
            self._state.people = {key: one for key, one in self._state.people.items() if one.tenant_id != gone}
            del self._state.tenants[gone]

    def set_ews(self, tenant: SandboxTenant | str, enabled: bool, allowed_apps: list[str] | None = None) -> None:
        """Set-OrganizationConfig -EwsEnabled -EwsAllowedAppIDs."""
        with self.together():
            found = self.tenant(tenant)
            found.ews_enabled, found.ews_allowed_apps = enabled, allowed_apps

    def find_tenant(self, name: str) -> SandboxTenant | None:
        """By directory id or domain."""
        key = name.lower()
        return self._state.tenants.get(key) or next((one for one in self.tenants() if one.domain == key), None)

    def tenants(self) -> list[SandboxTenant]:
        with self._lock:
            return list(self._state.tenants.values())

    def tenant(self, tenant: SandboxTenant | str) -> SandboxTenant:
        found = self.find_tenant(tenant if isinstance(tenant, str) else tenant.directory_id)
        if found is None:
            raise UnknownTenant(f"no tenant {tenant}")
        return found

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
        with self.together():
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

    def find_app(self, client_id: str) -> SandboxApp | None:
        return self._state.apps.get(client_id.lower())

    def app(self, app: SandboxApp | str) -> SandboxApp:
        found = self.find_app(app if isinstance(app, str) else app.client_id)
        if found is None:
            raise UnknownTenant(f"no app {app}")
        return found

    def apps(self, tenant: SandboxTenant | str) -> list[SandboxApp]:
        home = self.tenant(tenant).directory_id
        with self._lock:
            return [app for app in self._state.apps.values() if app.tenant_id == home]

    def disable_app(self, app: SandboxApp | str, disabled: bool = True) -> None:
        with self.together():
            self.app(app).disabled = disabled

    def remove_app(self, app: SandboxApp | str) -> None:
        with self.together():
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
        """A client secret of 40 characters as the portal makes them, valid for 180 days unless told otherwise."""
        with self.together():
            value = value or _new_value()
            start = moment(starts_at) if starts_at else datetime.now(UTC) - timedelta(minutes=5)
            end = moment(expires_at) if expires_at else datetime.now(UTC) + timedelta(days=180)
            key_id, owner = str(uuid.uuid4()), self.app(app).client_id
            secret = Secret(key_id, owner, start, end, value[:3], _digest(value), description)
            self._state.secrets[key_id] = secret
            return Secret(key_id, owner, start, end, value[:3], secret.sha256, description, value)

    def remove_secret(self, app: SandboxApp | str, secret: Secret | str) -> None:
        with self.together():
            del self._state.secrets[self._secret(app, secret).key_id]

    def expire_secret(self, app: SandboxApp | str, secret: Secret | str) -> None:
        """Its end becomes a minute ago."""
        with self.together():
            found = self._secret(app, secret)
            found.expires_at = datetime.now(UTC) - timedelta(minutes=1)
            found.starts_at = min(found.starts_at, found.expires_at - timedelta(days=1))

    def secrets(self, app: SandboxApp | str) -> list[Secret]:
        owner = self.app(app).client_id
        with self._lock:
            return [one for one in self._state.secrets.values() if one.client_id == owner]

    def matching_secret(self, app: SandboxApp | str, value: str) -> Secret | None:
        digest = _digest(value)
        return next((one for one in self.secrets(app) if secrets.compare_digest(one.sha256, digest)), None)

    def add_certificate(self, app: SandboxApp | str, pem: str | bytes) -> Certificate:
        with self.together():
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
            raise UnknownTenant(f"no secret with the key id {key}")
        return found

    # What is granted

    def grant(self, app: SandboxApp | str, permission: str, tenant: SandboxTenant | str | None = None) -> None:
        """Admin consent, tenant-wide, in the app's home tenant unless another is named (where it then is installed)."""
        with self.together():
            key = self._grant_key(app, permission, tenant)
            self._state.grants.add(key)
            self._state.installed.add(key[:2])

    def revoke(self, app: SandboxApp | str, permission: str, tenant: SandboxTenant | str | None = None) -> None:
        """Takes back consent and scope alike."""
        with self.together():
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
        """RBAC for Applications instead of consent: no role in the token, and these mailboxes only."""
        with self.together():
            key = self._grant_key(app, permission, tenant)
            self._state.grants.discard(key)
            self._state.scopes[key] = [address.lower() for address in addresses]
            self._state.installed.add(key[:2])

    def install(self, app: SandboxApp | str, tenant: SandboxTenant | str) -> None:
        """A service principal without any permission."""
        with self.together():
            self._state.installed.add((self.app(app).client_id, self.tenant(tenant).directory_id))

    def granted(self, client_id: str, tenant_id: str) -> list[str]:
        """Permissions with tenant-wide consent, sorted."""
        with self._lock:
            return sorted(grant[2] for grant in self._state.grants if grant[:2] == (client_id, tenant_id))

    def scoped_mailboxes(self, client_id: str, tenant_id: str, permission: str) -> list[str] | None:
        """The mailboxes that Exchange's RBAC gives the app, or None if it has no such assignment."""
        return self._state.scopes.get((client_id, tenant_id, permission))

    def is_scoped(self, client_id: str, tenant_id: str) -> bool:
        """Whether Exchange's RBAC gives the app anything there."""
        return any(grant[:2] == (client_id, tenant_id) for grant in list(self._state.scopes))

    def _grant_key(self, app: SandboxApp | str, permission: str, tenant: SandboxTenant | str | None) -> Grant:
        found = self.app(app)
        return found.client_id, self.tenant(tenant or found.tenant_id).directory_id, permission

    # Mailboxes

    def add_mailbox(
        self,
        tenant: SandboxTenant | str,
        address: str,
        ews_enabled: bool = True,
        smtp_auth_enabled: bool = True,
        send_as: Iterable[str] = (),
    ) -> SandboxMailbox:
        with self.together():
            others = [other.lower() for other in send_as]
            home = self.tenant(tenant).directory_id
            mailbox = SandboxMailbox(address, home, str(uuid.uuid4()), ews_enabled, smtp_auth_enabled, others)
            self._state.mailboxes[address.lower()] = mailbox
            return mailbox

    def remove_mailbox(self, address: str) -> None:
        with self.together():
            self._state.mailboxes.pop(address.lower(), None)

    def find_mailbox(self, name: str, tenant_id: str | None = None) -> SandboxMailbox | None:
        """By address or object id; None also if it is another tenant's."""
        key = name.lower()
        found = self._state.mailboxes.get(key)
        if found is None:
            found = next((one for one in list(self._state.mailboxes.values()) if one.object_id == key), None)
        return found if found and tenant_id in (None, found.tenant_id) else None

    def mailboxes(self) -> list[SandboxMailbox]:
        with self._lock:
            return list(self._state.mailboxes.values())

    # People with work accounts

    def add_person(
        self,
        tenant: SandboxTenant | str,
        username: str,
        name: str,
        mail: str | None = None,
        groups: Iterable[str] = (),
        object_id: str | None = None,
    ) -> SandboxPerson:
        """`username` is the user principal name, such as ada@northpark.example."""
        with self.together():
            home = self.tenant(tenant).directory_id
            person = SandboxPerson(object_id or str(uuid.uuid4()), home, username, name, mail, list(groups))
            self._state.people[person.object_id] = person
            return person

    def set_groups(self, object_id: str, groups: Iterable[str]) -> None:
        with self.together():
            self.person(object_id).groups = list(groups)

    def set_app_roles(self, object_id: str, app: SandboxApp | str, values: Iterable[str]) -> None:
        """Users and groups of the enterprise application: what its ID tokens say in `roles`."""
        with self.together():
            self.person(object_id).app_roles[self.app(app).client_id] = list(values)

    def disable_person(self, object_id: str, disabled: bool = True) -> None:
        with self.together():
            self.person(object_id).disabled = disabled

    def person(self, object_id: str) -> SandboxPerson:
        try:
            return self._state.people[object_id]
        except KeyError:
            raise UnknownTenant(f"no person {object_id}") from None

    def people(self, tenant_id: str | None = None) -> list[SandboxPerson]:
        with self._lock:
            return [one for one in self._state.people.values() if tenant_id in (None, one.tenant_id)]

    # Personal accounts

    def add_account(self, address: str) -> SandboxMailbox:
        """A personal Microsoft account (outlook.com, hotmail) with its mailbox."""
        with self.together():
            account = SandboxMailbox(address, CONSUMERS, str(uuid.UUID(int=uuid.uuid4().int >> 64)), ews_enabled=False)
            self._state.mailboxes[address.lower()] = account
            return account

    def find_account(self, address: str) -> SandboxMailbox | None:
        return self.find_mailbox(address, CONSUMERS)

    def accounts(self) -> list[SandboxMailbox]:
        return [one for one in self.mailboxes() if one.tenant_id == CONSUMERS]

    def add_sign_in(self, refresh_token: str, sign_in: SandboxSignIn) -> None:
        with self.together():
            self._state.sign_ins[_digest(refresh_token)] = sign_in

    def find_sign_in(self, refresh_token: str) -> SandboxSignIn | None:
        return self._state.sign_ins.get(_digest(refresh_token))

    def revoke_sign_ins(self, address: str) -> None:
        """The person took the app's access back, or changed the password."""
        self._each_sign_in(address, lambda one: setattr(one, "is_revoked", True))

    def age_sign_ins(self, address: str, days: int) -> None:
        """Its refresh tokens lay unused for so much longer."""
        self._each_sign_in(address, lambda one: setattr(one, "issued_at", one.issued_at - timedelta(days=days)))

    def _each_sign_in(self, address: str, change: Callable[[SandboxSignIn], None]) -> None:
        with self.together():
            for one in self._state.sign_ins.values():
                if one.address.lower() == address.lower():
                    change(one)

    # Exchange on premises

    def add_login(self, username: str, password: str) -> None:
        """A login of the Exchange server on premises, for Basic and NTLM."""
        with self.together():
            self._state.logins[username] = password

    def password_of(self, username: str) -> str | None:
        return self._state.logins.get(username)


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def _new_value() -> str:
    """40 characters, the seventh to ninth fixed as in every secret that Entra ID makes today."""
    letters = [secrets.choice(SECRET_ALPHABET) for _ in range(37)]
    return "".join([*letters[:3], "8Q~", *letters[3:]])
