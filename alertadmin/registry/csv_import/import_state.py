"""What is stored for the directories of a file, and what the file makes of it: all in memory, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, Q
from django.utils.translation import gettext as _

from alertadmin.registry import input_validation
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.credentials.stored_secrets import other_clouds
from alertadmin.registry.csv_import.bulk_writer import BATCH, Changes
from alertadmin.registry.csv_import.credential_match import match_credential
from alertadmin.registry.csv_import.csv_reader import MOST_REMARKS, Remark
from alertadmin.registry.csv_import.row_parser import ParsedRow
from alertadmin.registry.models import AppRegistration, Contact, Credential, CredentialState, Mailbox, Tenant
from alertadmin.registry.permissions import PERMISSION_OF, TransportName
from mailer.email_address import canonical

MOST_NAMED = 500
"""Directories named in a query; of more, everything is read."""
LIVING = (CredentialState.CURRENT, CredentialState.NEXT)
UTC = ZoneInfo("UTC")


class ImportState:
    def __init__(self, directory_ids: set[str]) -> None:
        stored = Tenant.objects.all()
        if len(directory_ids) <= MOST_NAMED:
            stored = stored.filter(directory_id__in=directory_ids)
        self.tenants = {tenant.directory_id: tenant for tenant in stored}
        apps = AppRegistration.objects.filter(tenant__in=stored)
        by_id = {tenant.pk: tenant for tenant in self.tenants.values()}
        self.apps = {(app.tenant_id, app.client_id): app for app in apps}
        for app in self.apps.values():
            app.tenant = by_id[app.tenant_id]
        apps_by_id = {app.pk: app for app in self.apps.values()}
        self.contacts: dict[object, list[Contact]] = {}
        for contact in Contact.objects.filter(tenant__in=stored):
            self.contacts.setdefault(contact.tenant_id, []).append(contact)
        self.credentials: dict[object, list[Credential]] = {}
        for credential in Credential.objects.filter(app__in=apps):
            credential.app = apps_by_id[credential.app_id]  # whose cloud may become another by this file
            self.credentials.setdefault(credential.app_id, []).append(credential)
        mailboxes = Mailbox.objects.filter(app__in=apps)
        self.mailboxes = {(mailbox.app_id, mailbox.address_canonical): mailbox for mailbox in mailboxes}
        self.changes = Changes()
        self.told: dict[Tenant, dict[str, str]] = {}
        """The contacts that the file names for a tenant, by their canonical form."""
        self.clouds: dict[str, tuple[str, int]] = {}
        """By directory: its cloud and the line that names it, whichever line comes first. Secrets are sealed for it."""
        self.moved: dict[object, int] = {}
        """The tenants whose cloud the file changes, and the line that says so."""
        self.remarks: list[Remark] = []
        """What is no mistake, but worth saying."""

    def zone_of(self, directory_id: str) -> ZoneInfo:
        tenant = self.tenants.get(directory_id)
        return tenant.zone if tenant else UTC

    def note_clouds(self, rows: Iterable[ParsedRow]) -> None:
        """Before any row is entered."""
        for row in rows:
            if row.cloud:
                self.clouds.setdefault(row.directory_id, (row.cloud, row.line))

    def enter(self, row: ParsedRow, now: datetime) -> Remark | None:
        """Applies one row; returns what hinders it."""
        tenant = self.tenants.get(row.directory_id)
        if tenant is None:
            if not row.tenant_name:
                return Remark(row.line, "tenant_name", _("This tenant is new: give it a name."))
            tenant = self.tenants[row.directory_id] = self.changes.add(Tenant(directory_id=row.directory_id))
        cloud, line = self.clouds.get(row.directory_id, ("", row.line))
        if cloud not in ("", tenant.cloud):
            self.moved[tenant.pk] = line
        self.changes.set(tenant, name=row.tenant_name, cloud=cloud)
        for contact in row.contacts:
            self.told.setdefault(tenant, {}).setdefault(canonical(contact), contact)
        if not row.client_id:
            return None
        app = self.apps.get((tenant.pk, row.client_id))
        if app is None:
            if not row.app_name:
                return Remark(row.line, "app_name", _("This app registration is new: give it a name."))
            app = AppRegistration(tenant=tenant, client_id=row.client_id, permissions=[])
            self.apps[tenant.pk, row.client_id] = self.changes.add(app)
        self.changes.set(app, name=row.app_name, audience=row.audience)
        account = self.mailboxes.get((app.pk, canonical(row.mailbox)))
        if account is None or not account.is_personal:
            self._enter_mailbox(app, tenant, row)
        elif row.transport not in ("", account.transport):
            message = _("This is a personal account: another way takes a new sign-in. Change it on its page.")
            return Remark(row.line, "transport", message)
        return self._enter_secret(app, row, now) if row.has_secret else None

    def _enter_mailbox(self, app: AppRegistration, tenant: Tenant, row: ParsedRow) -> None:
        """And the permission that the transport takes, which the app wants from now on."""
        if row.mailbox:
            key = (app.pk, canonical(row.mailbox))
            if key not in self.mailboxes:
                self.mailboxes[key] = self.changes.add(Mailbox(app=app, tenant=tenant, address=row.mailbox))
            self.changes.set(self.mailboxes[key], transport=row.transport)
        wanted = PERMISSION_OF[TransportName(row.transport or TransportName.GRAPH)].value
        if wanted not in app.permissions and (row.transport or not app.permissions):
            self.changes.set(app, permissions=[*app.permissions, wanted])

    def _enter_secret(self, app: AppRegistration, row: ParsedRow, now: datetime) -> Remark | None:
        known = self.credentials.setdefault(app.pk, [])
        found = match_credential(row, known)
        if found is None:
            if row.secret_expires_at is None:
                return Remark(row.line, "secret_expires_on", _("This secret is new: say when it ends."))
            free = [state for state in LIVING if state not in {one.state for one in known}]
            if not free:
                message = _("This app has one secret in use and one that waits already. Delete or replace one first.")
                return Remark(row.line, "secret_description", message)
            found = self.changes.add(Credential(app=app, state=free[0]))
            known.append(found)
            if found.state == CredentialState.NEXT:
                self._say(row, "secret_value", _("Another secret is in use: this one waits until a token proves it."))
        elif found.state == CredentialState.RETIRED:
            self._say(row, "secret_value", _("This secret is superseded here, and stays so."))
            return None
        if row.secret_expires_at and found.starts_at and row.secret_expires_at <= found.starts_at:
            return Remark(row.line, "secret_expires_on", _("The end must be later than the start."))
        if row.secret_expires_at and row.secret_expires_at != found.expires_at:
            self._say(row, "secret_expires_on", input_validation.implausible_expiry(row.secret_expires_at, now))
            if found.expires_at is not None:
                self.changes.note(found, *found.count_move(now))
        self.changes.set(found, description=row.secret_description, expires_at=row.secret_expires_at)
        if row.secret_value and not found.holds(row.secret_value):
            found.store(row.secret_value)
            found.proven_at = None
            self.changes.note(found, "value", "hint", "proven_at")
        return None

    def _say(self, row: ParsedRow, column: str, message: str | None) -> None:
        if message and len(self.remarks) < MOST_REMARKS:
            self.remarks.append(Remark(row.line, column, message))

    def unused_rows(self) -> Iterator[Remark]:
        """Stored secrets of a tenant in another cloud now, where the file does not give them anew: they are sent to the
        cloud alone that they were entered for."""
        for tenant in self.tenants.values():
            line = self.moved.get(tenant.pk)
            if line is None or tenant._state.adding:
                continue
            apps = [app for app in self.apps.values() if app.tenant_id == tenant.pk and not app._state.adding]
            stored = [one for app in apps for one in self.credentials.get(app.pk, []) if one.value]
            for old in (one for one in stored if one.state == CredentialState.RETIRED):
                old.value = None
                self.changes.note(old, "value")
            if any(one.value and not one.value.is_fresh for one in stored) or _has_sign_ins(apps):
                message = _(
                    "Secrets are stored for this tenant's apps in its cloud as it is now, and are sent to no other. "
                    "Change the cloud on the tenant's page, which removes them, or give secret_value for each of them "
                    "here."
                )
                yield Remark(line, "cloud", message)
            elif other_clouds(tenant, tenant.cloud).exists():
                message = _("Mailboxes send between this tenant and one of another cloud. Delete them first.")
                yield Remark(line, "cloud", message)

    def store(self) -> tuple[int, int]:
        """Writes it all; how many things were added, and how many changed. Who is told is part of a tenant."""
        gone: list[int] = []
        fresh: list[Contact] = []
        for tenant, told in self.told.items():
            stored = {contact.email_canonical: contact for contact in self.contacts.get(tenant.pk, [])}
            gone += [contact.pk for address, contact in stored.items() if address not in told]
            fresh += [Contact(tenant=tenant, email=email) for address, email in told.items() if address not in stored]
            if told.keys() != stored.keys():
                self.changes.note(tenant)
        counts = self.changes.write()
        for start in range(0, len(gone), BATCH):
            Contact.objects.filter(pk__in=gone[start : start + BATCH]).delete()
        Contact.objects.bulk_create(fresh, batch_size=BATCH)
        self._note_wanted()
        return counts

    def _note_wanted(self) -> None:
        """The consents of every app that the file touched."""
        touched = {app.pk for app in self.changes.touched(AppRegistration)}
        touched |= {mailbox.app_id for mailbox in self.changes.touched(Mailbox) if mailbox.app_id}
        apps = AppRegistration.objects.select_related("tenant")
        with_places = apps.prefetch_related(Prefetch("mailboxes", Mailbox.objects.select_related("tenant")))
        keys = list(touched)
        for start in range(0, len(keys), BATCH):
            sync_required_consents(with_places.filter(pk__in=keys[start : start + BATCH]))


def _has_sign_ins(apps: Iterable[AppRegistration]) -> bool:
    accounts = Mailbox.objects.filter(app__in=[app.pk for app in apps], is_personal=True)
    return accounts.filter(Q(refresh_token__isnull=False) | Q(sign_in__device_code__isnull=False)).exists()
