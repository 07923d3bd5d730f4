"""Brings understood rows into the database: one transaction, and few queries whatever the number of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, TypeVar
from zoneinfo import ZoneInfo

from django.db import models, transaction
from django.db.models import Prefetch
from django.utils.translation import gettext as _

from alertadmin.registry.importing.cells import Reader, Registration
from alertadmin.registry.importing.table import MOST_MISTAKES, Mistake, NotImported, read
from alertadmin.registry.models import AppRegistration, Contact, Credential, CredentialState, Mailbox, Tenant
from alertadmin.registry.permissions import PERMISSION_OF, Transport
from alertadmin.registry.wanted import note_wanted

BATCH = 500
"""SQLite takes 250,000 parameters a statement at most, PostgreSQL 65,535."""
UTC = ZoneInfo("UTC")
ORDER: tuple[type[models.Model], ...] = (Tenant, AppRegistration, Credential, Mailbox)
"""What refers to another comes after it."""
Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Imported:
    """How many rows the file had, and how many things were added or changed by it."""

    rows: int
    added: int
    changed: int


def import_registrations(file: BinaryIO) -> Imported:
    """Reads a CSV file; a row adds or updates. Raises NotImported with every mistake, and then nothing is stored."""
    rows = read(file)
    with transaction.atomic():
        book = Book({row["directory_id"].strip().strip("{}").lower() for row in rows})
        reader = Reader(book.zone_of)
        registrations = [reader.read(row) for row in rows]
        mistakes = reader.mistakes or list(_repeated(registrations))
        if not mistakes:
            for registration in registrations:
                mistakes += book.enter(registration)
        if mistakes:
            raise NotImported(sorted(mistakes, key=lambda mistake: mistake.line)[:MOST_MISTAKES])
        return Imported(len(rows), *book.store())


def _repeated(registrations: list[Registration]) -> Iterable[Mistake]:
    seen: dict[tuple[object, ...], int] = {}
    names: dict[str, tuple[str, int]] = {}
    for row in registrations:
        key = (row.directory_id, row.client_id, row.secret_description, row.secret_value, row.mailbox.lower())
        if key in seen:
            yield Mistake(row.line, "", _("This line repeats line %d.") % seen[key])
        seen.setdefault(key, row.line)
        name, line = names.setdefault(row.directory_id, (row.tenant_name, row.line))
        if row.tenant_name and name and row.tenant_name != name:
            message = _("Line %(line)d gives this directory another name.") % {"line": line}
            yield Mistake(row.line, "tenant_name", message)


class Book:
    """What is stored for the directories of a file, and what the file makes of it."""

    def __init__(self, directory_ids: set[str]) -> None:
        stored = (
            Tenant.objects.all()
            if len(directory_ids) > BATCH
            else Tenant.objects.filter(directory_id__in=directory_ids)
        )
        self.tenants = {tenant.directory_id: tenant for tenant in stored}
        apps = AppRegistration.objects.filter(tenant__in=stored)
        self.apps = {(app.tenant_id, app.client_id): app for app in apps}
        self.contacts: dict[object, list[str]] = {}
        for contact in Contact.objects.filter(tenant__in=stored):
            self.contacts.setdefault(contact.tenant_id, []).append(contact.email)
        self.secrets: dict[object, list[Credential]] = {}
        for credential in Credential.objects.filter(app__in=apps).exclude(state=CredentialState.RETIRED):
            self.secrets.setdefault(credential.app_id, []).append(credential)
        mailboxes = Mailbox.objects.filter(app__in=apps)
        self.mailboxes = {(mailbox.app_id, mailbox.address.lower()): mailbox for mailbox in mailboxes}
        self.added: dict[type[models.Model], dict[object, models.Model]] = {}
        self.changed: dict[type[models.Model], dict[object, models.Model]] = {}
        self.told: dict[object, tuple[Tenant, tuple[str, ...]]] = {}

    def zone_of(self, directory_id: str) -> ZoneInfo:
        tenant = self.tenants.get(directory_id)
        return tenant.zone if tenant else UTC

    def enter(self, row: Registration) -> list[Mistake]:
        """Applies one row to the rows in memory; returns what hinders it."""
        tenant = self.tenants.get(row.directory_id)
        if tenant is None:
            if not row.tenant_name:
                return [Mistake(row.line, "tenant_name", _("This tenant is new: give it a name."))]
            tenant = self.tenants[row.directory_id] = self._add(Tenant(directory_id=row.directory_id))
        self._set(tenant, name=row.tenant_name, cloud=row.cloud)
        if row.contacts and {*row.contacts} != {*self.contacts.get(tenant.pk, [])}:
            self.told[tenant.pk] = (tenant, row.contacts)
        if not row.client_id:
            return []
        app = self.apps.get((tenant.pk, row.client_id))
        if app is None:
            if not row.app_name:
                return [Mistake(row.line, "app_name", _("This app registration is new: give it a name."))]
            app = AppRegistration(tenant=tenant, client_id=row.client_id, permissions=[])
            self.apps[tenant.pk, row.client_id] = self._add(app)
        self._set(app, name=row.app_name, audience=row.audience)
        self._enter_mailbox(app, tenant, row)
        return self._enter_secret(app, row)

    def _enter_mailbox(self, app: AppRegistration, tenant: Tenant, row: Registration) -> None:
        if row.mailbox:
            key = (app.pk, row.mailbox.lower())
            if key not in self.mailboxes:
                self.mailboxes[key] = self._add(Mailbox(app=app, tenant=tenant, address=row.mailbox))
            self._set(self.mailboxes[key], transport=row.transport)
        wanted = PERMISSION_OF[Transport(row.transport or Transport.GRAPH)].value
        if wanted not in app.permissions and (row.transport or not app.permissions):
            self._set(app, permissions=[*app.permissions, wanted])

    def _enter_secret(self, app: AppRegistration, row: Registration) -> list[Mistake]:
        """The secret of that description, else the one in use if no description is given; else a new one.

        A new one beside the one in use waits, until a token proves it.
        """
        if not row.has_secret:
            return []
        known = self.secrets.setdefault(app.pk, [])
        if row.secret_description:
            found = next((one for one in known if one.description == row.secret_description), None)
        else:
            found = next((one for one in known if one.state == CredentialState.CURRENT), None)
        if found is None:
            if row.secret_expires_at is None:
                return [Mistake(row.line, "secret_expires_on", _("This secret is new: say when it ends."))]
            free = [s for s in (CredentialState.CURRENT, CredentialState.NEXT) if s not in {o.state for o in known}]
            if not free:
                message = _("This app has one secret in use and one that waits already. Delete or replace one first.")
                return [Mistake(row.line, "secret_description", message)]
            found = self._add(Credential(app=app, state=free[0], expires_at=row.secret_expires_at))
            known.append(found)
        if row.secret_expires_at and found.starts_at and row.secret_expires_at <= found.starts_at:
            return [Mistake(row.line, "secret_expires_on", _("The end must be later than the start."))]
        self._set(found, description=row.secret_description, expires_at=row.secret_expires_at)
        if row.secret_value and not _holds(found, row.secret_value):
            found.store(row.secret_value)
            found.proven_at = None
            self._note(found)
        return []

    def _add(self, row: Row) -> Row:
        self.added.setdefault(type(row), {})[row.pk] = row
        return row

    def _set(self, row: models.Model, **values: object) -> None:
        for name, value in values.items():
            if value and getattr(row, name) != value:
                setattr(row, name, value)
                self._note(row)

    def _note(self, row: models.Model) -> None:
        if row.pk not in self.added.get(type(row), {}):
            self.changed.setdefault(type(row), {})[row.pk] = row

    def store(self) -> tuple[int, int]:
        """Writes everything in as few statements as it takes; (added, changed)."""
        for model in ORDER:
            if added := self.added.get(model):
                model._default_manager.bulk_create(list(added.values()), batch_size=BATCH)
            if changed := self.changed.get(model):
                names = [field.name for field in model._meta.concrete_fields if not field.primary_key]
                model._default_manager.bulk_update(list(changed.values()), names, batch_size=100)
        Contact.objects.filter(tenant__in=list(self.told)).delete()
        Contact.objects.bulk_create(
            [Contact(tenant=tenant, email=email) for tenant, emails in self.told.values() for email in emails],
            batch_size=BATCH,
        )
        self._note_wanted()
        return sum(map(len, self.added.values())), sum(map(len, self.changed.values())) + len(self.told)

    def _note_wanted(self) -> None:
        """The consents of every app that the file touched."""
        touched = {row.pk for rows in (self.added, self.changed) for row in rows.get(AppRegistration, {}).values()}
        touched |= {row.app_id for row in self.added.get(Mailbox, {}).values()}  # type: ignore[attr-defined]
        apps = AppRegistration.objects.select_related("tenant")
        with_places = apps.prefetch_related(Prefetch("mailboxes", Mailbox.objects.select_related("tenant")))
        keys = list(touched)
        for start in range(0, len(keys), BATCH):
            note_wanted(with_places.filter(pk__in=keys[start : start + BATCH]))


def _holds(credential: Credential, value: str) -> bool:
    """Whether it holds this very value already; what cannot be opened is sealed anew."""
    return credential.value is not None and credential.value.readable and credential.value.reveal() == value
