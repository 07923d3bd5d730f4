"""The stored data of a file's directories, to which the file's rows are applied in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db.models import Prefetch, Q
from django.utils.translation import gettext as _

from alertadmin.registry import guid, input_validation
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.credentials.stored_secrets import other_clouds
from alertadmin.registry.csv_import.bulk_writer import BATCH, BulkWriter
from alertadmin.registry.csv_import.credential_match import match_credential
from alertadmin.registry.csv_import.outcome import Effect
from alertadmin.registry.csv_import.row_parser import ParsedRow
from alertadmin.registry.csv_import.table import MAX_REMARKS, Remark
from alertadmin.registry.csv_import.table_reader import Row
from alertadmin.registry.models import (
    AppRegistration,
    Contact,
    Credential,
    CredentialKind,
    CredentialState,
    Mailbox,
    Tenant,
)
from alertadmin.registry.permissions import PERMISSION_OF, TransportName
from mailer.email_address import canonical

USABLE = (CredentialState.CURRENT, CredentialState.NEXT)


class ImportState:
    """Tenants, apps, credentials and mailboxes by their natural keys, and the pending changes to them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Load what is stored for the directories of these rows."""
        directories = {directory_id for row in rows if (directory_id := _normalized(row["directory_id"]))}
        stored = Tenant.objects.filter(directory_id__in=directories)
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
            credential.app = apps_by_id[credential.app_id]  # the same object, since this file may change its cloud
            self.credentials.setdefault(credential.app_id, []).append(credential)
        mailboxes = Mailbox.objects.filter(app__in=apps)
        self.mailboxes = {(mailbox.app_id, mailbox.address_canonical): mailbox for mailbox in mailboxes}
        self.changes = BulkWriter()
        self.contacts_in_file: dict[Tenant, dict[str, str]] = {}
        """The contacts that the file lists for each tenant, by canonical address."""
        self.clouds: dict[str, tuple[str, int]] = {}
        """By directory: its cloud and the first line that names it. Secrets are encrypted for that cloud."""
        self.cloud_changes: dict[object, int] = {}
        """The tenants whose cloud the file changes, and the line that does."""
        self.remarks: list[Remark] = []
        """Messages that do not prevent the import."""
        self.questioned = 0
        """Rows with a new expiry date that has passed or that the portal cannot have set."""

    def zone_of(self, directory_id: str) -> ZoneInfo | None:
        """The time zone of a stored tenant; None for a new one."""
        tenant = self.tenants.get(directory_id)
        return tenant.zone if tenant else None

    def names_of(self, row: ParsedRow) -> tuple[str, str]:
        """The names of the row's tenant and app, after it was applied."""
        tenant = self.tenants[row.directory_id]
        app = self._app_of(tenant, row)
        return tenant.name, app.name if app else ""

    def collect_clouds(self, rows: Iterable[ParsedRow]) -> None:
        """Read the clouds of all rows, before the first row is applied."""
        for row in rows:
            if row.cloud:
                self.clouds.setdefault(row.directory_id, (row.cloud, row.line))

    def apply(self, rows: Sequence[ParsedRow], now: datetime) -> tuple[list[Effect], list[Remark]]:
        """Apply rows; returns what each does, and the mistakes that prevent some."""
        effects: list[Effect] = []
        mistakes: list[Remark] = []
        for row in rows:
            self.changes.effect = Effect.UNCHANGED
            mistake = self.apply_row(row, now)
            mistakes += [mistake] if mistake else []
            effects.append(self.changes.effect)
        if mistakes := mistakes or list(self.cloud_conflicts()):
            return effects, mistakes
        changed = {tenant.directory_id for tenant in self.contacts_in_file if self._contacts_change(tenant)}
        for index, row in enumerate(rows):
            if row.contacts and row.directory_id in changed and effects[index] == Effect.UNCHANGED:
                changed.discard(row.directory_id)
                effects[index] = Effect.CHANGED
        return effects, mistakes

    def apply_row(self, row: ParsedRow, now: datetime) -> Remark | None:
        """Apply one row; returns the mistake that prevents it, or None."""
        tenant = self.tenants.get(row.directory_id)
        if tenant is None:
            if not row.tenant_name:
                return Remark(row.line, "tenant_name", _("This tenant is new: give it a name."))
            tenant = self.tenants[row.directory_id] = self.changes.add(Tenant(directory_id=row.directory_id))
        cloud, line = self.clouds.get(row.directory_id, ("", row.line))
        if cloud not in ("", tenant.cloud):
            self.cloud_changes[tenant.pk] = line
        self.changes.set(tenant, name=row.tenant_name, cloud=cloud, time_zone=row.time_zone, language=row.language)
        for contact in row.contacts:
            self.contacts_in_file.setdefault(tenant, {}).setdefault(canonical(contact), contact)
        if not row.has_app:
            return None
        app = self._app_of(tenant, row)
        if app is None and not row.client_id:
            message = _("This tenant has no app registration of this name or key ID yet: give its client ID.")
            return Remark(row.line, "client_id", message)
        if app is None:
            if not row.app_name:
                return Remark(row.line, "app_name", _("This app registration is new: give it a name."))
            app = AppRegistration(tenant=tenant, client_id=row.client_id, permissions=[])
            self.apps[tenant.pk, row.client_id] = self.changes.add(app)
        self.changes.set(app, name=row.app_name, audience=row.audience, owner=row.owner)
        account = self.mailboxes.get((app.pk, canonical(row.mailbox)))
        if account is None or not account.is_personal:
            self._apply_mailbox(app, tenant, row)
        elif row.transport not in ("", account.transport):
            message = _("This is a personal account: another transport needs a new sign-in. Change it on its page.")
            return Remark(row.line, "transport", message)
        return self._apply_secret(app, row, now) if row.has_secret else None

    def _app_of(self, tenant: Tenant, row: ParsedRow) -> AppRegistration | None:
        """The app with the row's client ID; without one, that with its key ID, or else the only one of its name."""
        if row.client_id:
            return self.apps.get((tenant.pk, row.client_id))
        apps = [app for app in self.apps.values() if app.tenant_id == tenant.pk]
        if row.key_id:
            for app in apps:
                if any(one.key_id == row.key_id for one in self.credentials.get(app.pk, [])):
                    return app
        named = [app for app in apps if row.app_name and app.name.casefold() == row.app_name.casefold()]
        return named[0] if len(named) == 1 else None

    def _apply_mailbox(self, app: AppRegistration, tenant: Tenant, row: ParsedRow) -> None:
        """Apply the mailbox, and add its transport's permission to those that the app requires."""
        if row.mailbox:
            key = (app.pk, canonical(row.mailbox))
            if key not in self.mailboxes:
                self.mailboxes[key] = self.changes.add(Mailbox(app=app, tenant=tenant, address=row.mailbox))
            self.changes.set(self.mailboxes[key], transport=row.transport)
        wanted = PERMISSION_OF[TransportName(row.transport or TransportName.GRAPH)].value
        if wanted not in app.permissions and (row.transport or not app.permissions):
            self.changes.set(app, permissions=[*app.permissions, wanted])

    def _apply_secret(self, app: AppRegistration, row: ParsedRow, now: datetime) -> Remark | None:
        known = self.credentials.setdefault(app.pk, [])
        found = match_credential(row, known)
        if found is None:
            if row.secret_expires_at is None:
                return Remark(row.line, "secret_expires_on", _("This secret is new: enter its expiry date."))
            taken = {one.state for one in known}
            state = next((state for state in USABLE if state not in taken), CredentialState.OTHER)
            found = self.changes.add(Credential(app=app, state=state, kind=row.kind or CredentialKind.SECRET))
            known.append(found)
            if found.state == CredentialState.NEXT:
                self._add_remark(
                    row, "secret_value", _("Another secret is in use: this one waits until it is verified.")
                )
            elif found.state == CredentialState.OTHER:
                self._add_remark(
                    row, "secret_value", _("Other secrets are in use and waiting: this one is only monitored.")
                )
        elif found.state == CredentialState.RETIRED:
            self._add_remark(row, "secret_value", _("This secret is superseded here, and stays so."))
            return None
        if row.secret_expires_at and found.starts_at and row.secret_expires_at <= found.starts_at:
            return Remark(row.line, "secret_expires_on", _("The expiry date must be later than the start date."))
        if row.secret_expires_at and row.secret_expires_at != found.expires_at:
            if question := input_validation.expiry_question(row.secret_expires_at, now):
                self.questioned += 1
                self._add_remark(row, "secret_expires_on", question)
            if found.expires_at is not None:
                self.changes.mark_changed(found, *found.count_move(now))
        self.changes.set(found, description=row.secret_description, expires_at=row.secret_expires_at, key_id=row.key_id)
        if row.secret_value and not found.holds(row.secret_value):
            found.store(row.secret_value)
            found.proven_at = None
            self.changes.mark_changed(found, "value", "hint", "proven_at")
        return None

    def _add_remark(self, row: ParsedRow, column: str, message: str | None) -> None:
        if message and len(self.remarks) <= MAX_REMARKS:
            self.remarks.append(Remark(row.line, column, message))

    def cloud_conflicts(self) -> Iterator[Remark]:
        """Tenants whose cloud the file changes although secrets or mailboxes depend on the former cloud.

        A secret is only sent to the cloud that it was entered for; the file must contain each secret's value again.
        """
        for tenant in self.tenants.values():
            line = self.cloud_changes.get(tenant.pk)
            if line is None or tenant._state.adding:
                continue
            apps = [app for app in self.apps.values() if app.tenant_id == tenant.pk and not app._state.adding]
            stored = [one for app in apps for one in self.credentials.get(app.pk, []) if one.value]
            for old in (one for one in stored if one.state == CredentialState.RETIRED):
                old.value = None
                self.changes.mark_changed(old, "value")
            if any(one.value and not one.value.is_fresh for one in stored) or _has_sign_ins(apps):
                message = _(
                    "Secrets are stored for this tenant's apps in its current cloud and are sent to no other. "
                    "Change the cloud on the tenant's page, which removes them, or give secret_value for each "
                    "of them here."
                )
                yield Remark(line, "cloud", message)
            elif other_clouds(tenant, tenant.cloud).exists():
                message = _("Mailboxes send between this tenant and one of another cloud. Delete them first.")
                yield Remark(line, "cloud", message)

    def store(self) -> tuple[int, int]:
        """Write all changes; returns the number of rows added and of rows changed. Contacts count as their tenant."""
        removed: list[int] = []
        added: list[Contact] = []
        for tenant, listed in self.contacts_in_file.items():
            stored = {contact.email_canonical: contact for contact in self.contacts.get(tenant.pk, [])}
            removed += [contact.pk for address, contact in stored.items() if address not in listed]
            added += [Contact(tenant=tenant, email=email) for address, email in listed.items() if address not in stored]
            if self._contacts_change(tenant):
                self.changes.mark_changed(tenant)
        counts = self.changes.write()
        for start in range(0, len(removed), BATCH):
            Contact.objects.filter(pk__in=removed[start : start + BATCH]).delete()
        Contact.objects.bulk_create(added, batch_size=BATCH)
        self._sync_consents()
        return counts

    def _contacts_change(self, tenant: Tenant) -> bool:
        stored = {contact.email_canonical for contact in self.contacts.get(tenant.pk, [])}
        return self.contacts_in_file[tenant].keys() != stored

    def _sync_consents(self) -> None:
        """Update the required consents of every app that was added or changed."""
        touched = {app.pk for app in self.changes.touched(AppRegistration)}
        touched |= {mailbox.app_id for mailbox in self.changes.touched(Mailbox) if mailbox.app_id}
        apps = AppRegistration.objects.select_related("tenant")
        with_mailboxes = apps.prefetch_related(Prefetch("mailboxes", Mailbox.objects.select_related("tenant")))
        keys = list(touched)
        for start in range(0, len(keys), BATCH):
            sync_required_consents(with_mailboxes.filter(pk__in=keys[start : start + BATCH]))


def _has_sign_ins(apps: Iterable[AppRegistration]) -> bool:
    accounts = Mailbox.objects.filter(app__in=[app.pk for app in apps], is_personal=True)
    return accounts.filter(Q(refresh_token__isnull=False) | Q(sign_in__device_code__isnull=False)).exists()


def _normalized(directory_id: str) -> str:
    try:
        return guid.normalize(directory_id)
    except ValidationError:
        return ""
