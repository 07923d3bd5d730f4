"""Mailboxes and accounts: people with work accounts, personal accounts with their sign-ins, logins on premises."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import timedelta

from sandbox.state.models import CONSUMERS, SandboxApp, SandboxMailbox, SandboxPerson, SandboxSignIn, SandboxTenant
from sandbox.state.store import DirectoryStore, UnknownRecord, sha256_hex


class Accounts(DirectoryStore):
    """The part of the directory about mailboxes and accounts."""

    # Mailboxes

    def add_mailbox(
        self,
        tenant: SandboxTenant | str,
        address: str,
        ews_enabled: bool = True,
        smtp_auth_enabled: bool = True,
        send_as: Iterable[str] = (),
    ) -> SandboxMailbox:
        with self.batch():
            others = [other.lower() for other in send_as]
            home = self.tenant(tenant).directory_id
            mailbox = SandboxMailbox(address, home, str(uuid.uuid4()), ews_enabled, smtp_auth_enabled, others)
            self._state.mailboxes[address.lower()] = mailbox
            return mailbox

    def remove_mailbox(self, address: str) -> None:
        with self.batch():
            self._state.mailboxes.pop(address.lower(), None)

    def find_mailbox(self, name: str, tenant_id: str | None = None) -> SandboxMailbox | None:
        """Find a mailbox by its address or object id; None also if it is another tenant's."""
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
        """Add a person with a work account. `username`: the user principal name, such as ada@northpark.example."""
        with self.batch():
            home = self.tenant(tenant).directory_id
            person = SandboxPerson(object_id or str(uuid.uuid4()), home, username, name, mail, list(groups))
            self._state.people[person.object_id] = person
            return person

    def set_groups(self, object_id: str, groups: Iterable[str]) -> None:
        with self.batch():
            self.person(object_id).groups = list(groups)

    def set_app_roles(self, object_id: str, app: SandboxApp | str, values: Iterable[str]) -> None:
        """Set the app roles assigned in the enterprise application, for the claim `roles` of its ID tokens."""
        with self.batch():
            self.person(object_id).app_roles[self.app(app).client_id] = list(values)

    def disable_person(self, object_id: str, disabled: bool = True) -> None:
        with self.batch():
            self.person(object_id).disabled = disabled

    def person(self, object_id: str) -> SandboxPerson:
        try:
            return self._state.people[object_id]
        except KeyError:
            raise UnknownRecord(f"no person {object_id}") from None

    def people(self, tenant_id: str | None = None) -> list[SandboxPerson]:
        with self._lock:
            return [one for one in self._state.people.values() if tenant_id in (None, one.tenant_id)]

    # Personal accounts

    def add_account(self, address: str) -> SandboxMailbox:
        """Add a personal Microsoft account (outlook.com, hotmail) with its mailbox."""
        with self.batch():
            account = SandboxMailbox(address, CONSUMERS, str(uuid.UUID(int=uuid.uuid4().int >> 64)), ews_enabled=False)
            self._state.mailboxes[address.lower()] = account
            return account

    def find_account(self, address: str) -> SandboxMailbox | None:
        return self.find_mailbox(address, CONSUMERS)

    def accounts(self) -> list[SandboxMailbox]:
        return [one for one in self.mailboxes() if one.tenant_id == CONSUMERS]

    def add_sign_in(self, refresh_token: str, sign_in: SandboxSignIn) -> None:
        with self.batch():
            self._state.sign_ins[sha256_hex(refresh_token)] = sign_in

    def find_sign_in(self, refresh_token: str) -> SandboxSignIn | None:
        return self._state.sign_ins.get(sha256_hex(refresh_token))

    def revoke_sign_ins(self, address: str) -> None:
        """Revoke the refresh tokens, as when the person revokes the app's access or changes the password."""
        self._each_sign_in(address, lambda one: setattr(one, "is_revoked", True))

    def age_sign_ins(self, address: str, days: int) -> None:
        """Make the account's refresh tokens older by so many days without use."""
        self._each_sign_in(address, lambda one: setattr(one, "issued_at", one.issued_at - timedelta(days=days)))

    def _each_sign_in(self, address: str, change: Callable[[SandboxSignIn], None]) -> None:
        with self.batch():
            for one in self._state.sign_ins.values():
                if one.address.lower() == address.lower():
                    change(one)

    # Exchange on premises

    def add_login(self, username: str, password: str) -> None:
        """Add a login of the Exchange server on premises, for Basic and NTLM."""
        with self.batch():
            self._state.logins[username] = password

    def password_of(self, username: str) -> str | None:
        return self._state.logins.get(username)
