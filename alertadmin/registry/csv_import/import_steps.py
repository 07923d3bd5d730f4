"""The steps of an import in the browser: a file is kept encrypted, checked, and imported, here or by the worker."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from alertadmin.accounts.access import Access
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.audit.actor import WORKER, Actor, acting_as
from alertadmin.clock_skew import CLOCKS_DIFFER
from alertadmin.crypto.keyring import Unreadable
from alertadmin.registry import messages
from alertadmin.registry.csv_import.importer import Progress, preview_import, run_import
from alertadmin.registry.csv_import.options import ImportOptions
from alertadmin.registry.csv_import.outcome import ImportOutcome
from alertadmin.registry.csv_import.table import MAX_COLUMNS, NotImported, RawTable, Remark, refuse_file
from alertadmin.registry.csv_import.table_reader import MappedTable, read_raw, table_of
from alertadmin.registry.date_parser import DayOrder
from alertadmin.registry.models.pending_import import PENDING_LIFETIME, ImportStatus, PendingImport
from mailer.coded_text import CodedError, message_of

log = logging.getLogger(__name__)

MAX_INLINE = 1_000
"""Rows that a request works on; more are left to the worker."""
BEFORE = {
    ImportStatus.CHECKING: (ImportStatus.DRAFT, ImportStatus.CHECKED, ImportStatus.DONE),
    ImportStatus.IMPORTING: (ImportStatus.CHECKED,),
}
"""The states from which a step can be started."""
LEASE = timedelta(minutes=10)
"""As long as a task of the worker may take."""
PAUSE = timedelta(minutes=1)
"""Before the worker tries again what failed."""
MAX_ATTEMPTS = 3
"""Of the worker at one step of one file, also those that were killed."""
NOTES = ("all_or_nothing", "attempts", "failure")
"""What `answers` holds beside the answers about the columns."""
ANSWERS = ("directory_id", "tenant_name", "client_id", "app_name", "time_zone")
Report = dict[str, Any]


class ImportStopped(Exception):
    """The user stopped it, or it expired."""


class ImportFailed(CodedError):
    """The worker cannot do it."""


class ImportChanged(Exception):
    """Another window changed the columns, or started the import meanwhile."""


def keep(content: bytes, user: User, now: datetime) -> PendingImport:
    """Keep an uploaded file. Raises NotImported if it has no table, KeyringError without a key."""
    remove_expired(now)
    raw = read_raw(io.BytesIO(content))
    if not raw.header and raw.mistakes:
        raise NotImported(raw.mistakes)
    if len(raw.header) > MAX_COLUMNS:
        raise refuse_file(_("The file has more than %d columns. Delete those that are not needed.") % MAX_COLUMNS)
    packed = base64.b64encode(zlib.compress(content)).decode("ascii")
    language = translation.get_language() or ""
    pending = PendingImport(
        person=user, language=language, rows=len(raw.records), created_at=now, expires_at=now + PENDING_LIFETIME
    )
    pending.content = packed
    pending.save()
    return pending


def find(pk: UUID, user: User, now: datetime) -> PendingImport | None:
    """The user's own file, unless it has expired."""
    pending = PendingImport.objects.filter(pk=pk, person=user).first()
    return pending if pending and not pending.is_expired(now) else None


def remove_expired(now: datetime) -> int:
    """Delete files past their hour; returns how many. A clock that ran ahead cannot keep one longer."""
    old = Q(expires_at__lt=now) | Q(created_at__gt=now + CLOCKS_DIFFER)
    at_work = Q(lease_until__gt=now, lease_until__lte=now + LEASE + CLOCKS_DIFFER)
    return PendingImport.objects.filter(old).exclude(at_work).delete()[0]


def raw_table(pending: PendingImport) -> RawTable:
    """Read the kept file. Raises Unreadable if it cannot be decrypted."""
    packed = pending.content.decrypt() if pending.content else ""
    return read_raw(io.BytesIO(zlib.decompress(base64.b64decode(packed))))


def options_of(pending: PendingImport) -> ImportOptions:
    answers: Mapping[str, Any] = pending.answers
    return ImportOptions(
        day_order=DayOrder(answers["day_order"]) if answers.get("day_order") else None,
        columns=tuple(answers["columns"]) if "columns" in answers else None,
        is_partial=not answers.get("all_or_nothing", False),
        **{name: answers.get(name, "") for name in ANSWERS},
    )


def mapped_table(pending: PendingImport) -> MappedTable:
    options = options_of(pending)
    return table_of(raw_table(pending), options.columns, options.defaults)


def revision_of(pending: PendingImport) -> str:
    """Of what the preview showed: another one if the columns or the other answers have changed since."""
    return hashlib.sha256(json.dumps(_without_notes(pending.answers), sort_keys=True).encode()).hexdigest()[:16]


def _without_notes(answers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answers.items() if name not in NOTES}


def check(pending: PendingImport, answers: Mapping[str, Any], now: datetime) -> bool:
    """Start to check the rows with these answers. Returns whether the worker has to do it; a short file is done at
    once. Raises ImportChanged if other work on it is in progress."""
    return _start(pending, ImportStatus.CHECKING, now, answers=dict(answers))


def import_checked(pending: PendingImport, revision: str, now: datetime, *, all_or_nothing: bool) -> bool:
    """Start to import the rows as the preview of this revision showed them, unless that was started already.

    Returns as `check`. Raises ImportChanged if there is another preview now.
    """
    return _start(pending, ImportStatus.IMPORTING, now, revision=revision, all_or_nothing=all_or_nothing)


def _start(
    pending: PendingImport,
    status: ImportStatus,
    now: datetime,
    *,
    answers: dict[str, Any] | None = None,
    revision: str | None = None,
    all_or_nothing: bool = False,
) -> bool:
    with transaction.atomic():
        stored = PendingImport.objects.select_for_update().filter(pk=pending.pk).first()
        if stored is None or revision not in (None, revision_of(stored)):
            raise ImportChanged
        if stored.status not in BEFORE[status]:
            if answers is not None:
                raise ImportChanged
            return False
        if answers is None:
            answers = {**_without_notes(stored.answers), "all_or_nothing": all_or_nothing}
        is_inline = stored.rows <= MAX_INLINE
        pending.answers, pending.status, pending.done = answers, status, 0
        # Of a request that is killed, the worker takes the work over when the lease has expired.
        pending.lease_until = now + LEASE if is_inline else None
        pending.save(update_fields=["answers", "status", "done", "lease_until"])
    if is_inline:
        try:
            _work(pending, now, None)
        except Unreadable as error:
            give_up(pending, error)
            raise
    return not is_inline


def give_up(pending: PendingImport, error: BaseException) -> None:
    """Return to the step before, with the reason: the user can go on from there. What was imported stays."""
    is_import = pending.status == ImportStatus.IMPORTING
    pending.status = ImportStatus.CHECKED if is_import and pending.report else ImportStatus.DRAFT
    pending.answers = {**_without_notes(pending.answers), "failure": message_of(error)}
    pending.lease_until, pending.done = None, 0
    found = PendingImport.objects.filter(pk=pending.pk)
    found.update(status=pending.status, answers=pending.answers, lease_until=None, done=0)


def continue_imports() -> None:
    """Do the work of the worker: check and import what no other worker is at, and delete expired files."""
    remove_expired(timezone.now())
    while pending := _claim(timezone.now()):
        user = pending.person
        if not Access(user).in_all_tenants(Right.CHANGE):
            stop(pending)  # the role was withdrawn meanwhile
            continue
        with translation.override(pending.language or None), acting_as(Actor(WORKER, get_person=partial(_same, user))):
            _attempt(pending)


def _attempt(pending: PendingImport) -> None:
    """One attempt of the worker. A file whose attempts fail or are killed does not keep it from the next file."""
    is_last = pending.answers["attempts"] >= MAX_ATTEMPTS
    try:
        if pending.answers["attempts"] > MAX_ATTEMPTS:
            raise ImportFailed(messages.IMPORT_FAILED)
        _work(pending, timezone.now(), _progress_of(pending))
    except ImportStopped:
        log.info("an import was stopped by its user")
    except (Unreadable, ImportFailed) as error:
        log.warning("an import was given up: %s", type(error).__name__)
        give_up(pending, error)
    except Exception as error:
        # A database raises it, or a fault in this program.
        log.warning("an import failed and %s: %s", "ends" if is_last else "is tried again", type(error).__name__)
        if is_last:
            give_up(pending, ImportFailed(messages.IMPORT_FAILED))
        else:
            PendingImport.objects.filter(pk=pending.pk).update(lease_until=timezone.now() + PAUSE)


def _same(user: User) -> User:
    return user


def stop(pending: PendingImport) -> None:
    """Delete the file. An import of all rows or none that is being stored is finished by the database or not at all."""
    PendingImport.objects.filter(pk=pending.pk).delete()


def _claim(now: datetime) -> PendingImport | None:
    """Take the lease of the next file by a conditional UPDATE."""
    free = Q(lease_until=None) | Q(lease_until__lte=now) | Q(lease_until__gt=now + LEASE + CLOCKS_DIFFER)
    waiting = PendingImport.objects.filter(free, status__in=(ImportStatus.CHECKING, ImportStatus.IMPORTING))
    pending = waiting.order_by("created_at").first()
    if pending is None:
        return None
    pending.answers = {**pending.answers, "attempts": pending.answers.get("attempts", 0) + 1}
    claimed = waiting.filter(pk=pending.pk).update(lease_until=now + LEASE, answers=pending.answers)
    return pending if claimed else None


def _progress_of(pending: PendingImport) -> Progress:
    def progress(done: int) -> None:
        """Raises ImportStopped. Within a transaction, which it then undoes, nothing can be shown before its end."""
        found = PendingImport.objects.filter(pk=pending.pk)
        is_there = found.exists() if connection.in_atomic_block else _renewed(found, done)
        if not is_there:
            raise ImportStopped

    return progress


def _renewed(found: QuerySet[PendingImport], done: int) -> bool:
    return bool(found.update(done=done, lease_until=timezone.now() + LEASE))


def _work(pending: PendingImport, now: datetime, progress: Progress | None) -> None:
    is_import = pending.status == ImportStatus.IMPORTING
    options = options_of(pending)
    try:
        table = mapped_table(pending)
        if is_import:
            outcome = run_import(table, now=now, options=options, progress=progress)
        else:
            outcome = preview_import(table, now=now, options=_partial(options), progress=progress)
    except NotImported as error:
        outcome = ImportOutcome(rows=pending.rows, refused=error.mistakes)
        is_import = False
    _finish(pending, outcome, ImportStatus.DONE if is_import else ImportStatus.CHECKED)


def _partial(options: ImportOptions) -> ImportOptions:
    """The preview says of every row what it would do, also where one mistake prevents all."""
    return ImportOptions(**{**asdict(options), "is_partial": True})


@transaction.atomic
def _finish(pending: PendingImport, outcome: ImportOutcome, status: ImportStatus) -> None:
    """Store the report. The file is needed no longer once all its rows are imported. Raises ImportStopped."""
    if not PendingImport.objects.select_for_update().filter(pk=pending.pk).exists():
        raise ImportStopped
    pending.report = json.dumps(report_of(outcome))
    pending.status, pending.done, pending.lease_until = status, pending.rows, None
    if status == ImportStatus.DONE and not outcome.refused:
        pending.content = None
    pending.save(update_fields=["report", "status", "done", "lease_until", "content"])


def report_of(outcome: ImportOutcome) -> Report:
    """As JSON: an outcome without any secret value."""
    return {
        "rows": outcome.rows,
        "added": outcome.added,
        "changed": outcome.changed,
        "effects": {str(effect): count for effect, count in outcome.effects.items()},
        "refused": [[one.line, one.column, one.message] for one in outcome.refused],
        "remarks": [[one.line, one.column, one.message] for one in outcome.remarks],
        "shown": {
            str(effect): [
                {**asdict(row), "expires_at": row.expires_at.isoformat() if row.expires_at else ""} for row in rows
            ]
            for effect, rows in outcome.shown.items()
        },
    }


def load_report(pending: PendingImport) -> Report:
    """Empty before the first check. Raises Unreadable if it cannot be decrypted."""
    found: Report = json.loads(pending.report.decrypt()) if pending.report else {}
    return found


def remarks_of(report: Report, name: str) -> list[Remark]:
    return [Remark(*one) for one in report.get(name, [])]
