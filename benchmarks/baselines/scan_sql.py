"""The scan as SQL written for this data: the same queries and rows, through the driver only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from alertadmin.reminders.rules.schedule import DEFAULT
from benchmarks.installation import raw, statement

DUE = "state IN ('current', 'next', 'other') AND expires_at <= %s"
REMINDERS = f"""
    INSERT INTO reminders_reminder
        (kind, credential_id, app_id, tenant_id, expires_at, threshold, is_escalated, scan_id)
    SELECT 'credential', credential.id, app.id, app.tenant_id, expires_at, 0, false, 1
    FROM registry_credential AS credential JOIN registry_appregistration AS app ON app.id = credential.app_id
    WHERE {DUE}
    ON CONFLICT DO NOTHING"""
RECIPIENTS = """
    FROM reminders_reminder AS reminder
    JOIN registry_contact AS contact ON contact.tenant_id = reminder.tenant_id"""
DELIVERIES = f"""
    INSERT INTO outbox_delivery (id, purpose, dedupe_key, recipient, transport, created_at, urgency, subject, text,
        html, message_id, state, not_before, tries, was_uncertain, cause, reason,
        channel_label, details, attachments)
    SELECT new_uuid, 'reminder', 'reminder:1:' || contact.email_canonical, contact.email_canonical, '', %s,
        min(reminder.expires_at), '', '', '', '', 'pending', %s, 0, false, '', '', '', '[]', '[]'
    {RECIPIENTS} WHERE reminder.scan_id = 1 GROUP BY contact.email_canonical"""
NOTICES = f"""
    INSERT INTO reminders_notice (reminder_id, delivery_id)
    SELECT reminder.id, delivery.id {RECIPIENTS}
    JOIN outbox_delivery AS delivery ON delivery.dedupe_key = 'reminder:1:' || contact.email_canonical
    WHERE reminder.scan_id = 1"""
UNTOLD = f"""
    SELECT credential.id FROM registry_credential AS credential WHERE {DUE} AND NOT EXISTS (
        SELECT 1 FROM reminders_reminder AS reminder
        WHERE reminder.credential_id = credential.id AND reminder.expires_at = credential.expires_at)"""


def written_down(now: datetime) -> int:
    """Insert reminders, a delivery for each recipient, and their links; return the number of reminders."""
    driver, at = _begun(1, now), _stored(now)
    found = driver.execute(statement(REMINDERS), [_reach(now)]).rowcount
    new_uuid = "lower(hex(randomblob(16)))" if connection.vendor == "sqlite" else "gen_random_uuid()"
    driver.execute(statement(DELIVERIES.replace("new_uuid", new_uuid)), [at, at])
    driver.execute(NOTICES)
    driver.execute("COMMIT")
    return int(found)


def reminders_alone(now: datetime) -> int:
    """Insert the reminders by one INSERT … SELECT in autocommit mode. Needs a scan with the id 1."""
    return int(raw().execute(statement(REMINDERS), [_reach(now)]).rowcount)


def untold(now: datetime) -> int:
    """Count the due secrets without a reminder, and record the scan."""
    driver = _begun(-1, now)
    found = driver.execute(statement(UNTOLD), [_reach(now)]).fetchall()
    driver.execute("COMMIT")
    return len(found)


def due(now: datetime) -> int:
    """Count the due secrets, with or without a reminder, by one index."""
    return len(raw().execute(statement(f"SELECT id FROM registry_credential WHERE {DUE}"), [_reach(now)]).fetchall())


def _begun(scan: int, now: datetime) -> Any:
    """Return the driver's connection, in a transaction that has inserted a scan with this id."""
    driver = raw()
    driver.execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
    into = "INSERT INTO reminders_scan (id, started_at, finished_at, reminders, deliveries) VALUES (%s, %s, %s, 0, 0)"
    driver.execute(statement(into), [scan, _stored(now), _stored(now)])
    return driver


def _reach(now: datetime) -> Any:
    """Return the latest expiry date for which a reminder is due."""
    return _stored(now + timedelta(days=max(DEFAULT.thresholds)))


def _stored(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
