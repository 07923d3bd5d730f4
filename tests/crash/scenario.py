"""A customer in a sandbox, an installation that knows it, and the processes that a test kills."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from celery import Celery

from alertadmin.outbox.queue.failpoints import ONCE, VARIABLE, WITH_GROUP
from alertadmin.reminders.rules.schedule import ReminderSchedule
from sandbox import Sandbox
from tests.commands.fork_server import PATIENCE
from tests.commands.installation import fork_server
from tests.crash.databases import Database
from tests.helpers.valkey import Valkey
from tests.supervisor.installation import PROJECT, clean_environ, eventually

LEASE = 1.0
"""Seconds after which the deliveries of a dead process are recovered."""
DELIVER = "alertadmin.outbox.tasks.deliver_due"
SCAN = "alertadmin.reminders.tasks.scan"


@dataclass
class Message:
    """One delivery, as in its row."""

    recipient: str
    state: str
    was_uncertain: bool


@dataclass
class World:
    """A data folder with its database. Each of `recipients` has one due mail; two mailboxes can send."""

    folder: Path
    database: Database
    sandbox: Sandbox
    valkey: Valkey | None = None
    recipients: tuple[str, ...] = ()
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    has_relay: bool = False

    # The world's making

    @classmethod
    def begin(cls, folder: Path, database: Database, sandbox: Sandbox) -> World:
        """Imports a customer by the command that an administrator uses. Copies are made of it."""
        world = cls(folder, database, sandbox)
        done = world.manage("import_registrations", "-", input=_customer(sandbox))
        assert done.returncode == 0, done.stdout + done.stderr
        return world

    def copy(self, folder: Path, *, recipients: int = 1, valkey: Valkey | None = None) -> World:
        """Another like it, whose contacts are its alone: so the sandbox's ledger can be read by recipient."""
        shutil.copytree(self.folder, folder)
        label = uuid4().hex[:12]
        addresses = tuple(f"duty{number}.{label}@northpark.example" for number in range(recipients))
        world = World(folder, self.database.copy_to(folder), self.sandbox, valkey, addresses)
        [(tenant,)] = world.database.query("SELECT id FROM registry_tenant")
        world.database.change("DELETE FROM registry_contact")
        # Further tenants have no mailbox of their own: an owner chose this one for all.
        world.database.change("UPDATE registry_mailbox SET sends_reminders = true WHERE address LIKE 'alarms@%'")
        for address in addresses:
            values = f"'{tenant}', '{address}', '{address}'"
            world.database.change(f"INSERT INTO registry_contact (tenant_id, email, email_canonical) VALUES ({values})")
        return world

    def will_owe(self, tenants: int, each: int, seconds: float) -> None:
        """From now on every so many seconds another tenant's first reminder falls due, to so many contacts."""
        label = uuid4().hex[:12]
        first = datetime.now(UTC) + timedelta(days=max(ReminderSchedule().thresholds))
        rows = []
        for number in range(tenants):
            contacts = [f"duty{number}.{one}.{label}@site.example" for one in range(each)]
            self.recipients += tuple(contacts)
            rows.append(
                {
                    "tenant_name": f"Site {number}",
                    "directory_id": str(uuid4()),
                    "cloud": "lab",
                    "contact_emails": ";".join(contacts),
                    "app_name": "ALERT",
                    "client_id": str(uuid4()),
                    "secret_description": "ALERT server",
                    "secret_expires_on": (first + timedelta(seconds=number * seconds)).isoformat(),
                }
            )
        done = self.manage("import_registrations", "-", input=as_csv(rows))
        assert done.returncode == 0, done.stdout + done.stderr

    def grant(self, permission: str) -> None:
        """To the app, which all copies share."""
        self.sandbox.directory.grant(self._client_id, permission)

    def revoke(self, permission: str) -> None:
        self.sandbox.directory.revoke(self._client_id, permission)

    @property
    def _client_id(self) -> str:
        [(client_id,)] = self.database.query("SELECT client_id FROM registry_appregistration")
        return str(client_id)

    # Its processes

    def environ(self, **values: str) -> dict[str, str]:
        ours = {"ALERTADMIN_CLOUDS_FILE": str(self.sandbox.clouds_file), "ALERTADMIN_LEASE_SECONDS": str(LEASE)}
        broker = {"ALERTADMIN_REDIS_URL": self.valkey.url} if self.valkey else {}
        if self.has_relay:
            ours["ALERTADMIN_SMTP_URL"] = f"smtp://{self.sandbox.relay_host}:{self.sandbox.relay_port}"
        return clean_environ(self.folder, **{**ours, **broker, **self.database.environ, **values})

    def manage(
        self, *words: str, input: str = "", timeout: float = PATIENCE, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` by the fork server, one command at a time. Raises TimeoutError after `timeout` seconds."""
        code, out, err = fork_server().run(words, self.environ(**environ), input.encode(), timeout)
        return subprocess.CompletedProcess(words, code, out.decode(), err.decode())

    def send_reminders(self, crash_at: str = "") -> dict[str, Any]:
        """Its answer, and nothing if it died."""
        done = self.manage("send_reminders", "--json", **_crash(crash_at))
        if crash_at:
            assert done.returncode == -signal.SIGKILL, f"{crash_at} was not reached: {done.stdout}{done.stderr}"
            return {}
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def start_worker(
        self,
        crash_at: str = "",
        *,
        alone: bool = False,
        longest_stop: float = 0,
        program: Sequence[str] = ("-m", "alertadmin.supervisor.celery_worker"),
        **environ: str,
    ) -> subprocess.Popen[bytes]:
        """A Celery worker with pool and clock, in a group of its own. At `crash_at` all of it dies, or, `alone`, the
        process of its pool that comes there first. `longest_stop` in place of celery_worker.LONGEST_STOP."""
        if longest_stop:
            changed = f"celery_worker.LONGEST_STOP = {longest_stop}"
            program = ["-c", f"from alertadmin.supervisor import celery_worker; {changed}; celery_worker.main()"]
        if crash_at:
            environ[VARIABLE] = crash_at
            environ[ONCE if alone else WITH_GROUP] = str(self.folder / "crashed")
        log = (self.folder / "worker.log").open("ab")
        worker = subprocess.Popen(
            [sys.executable, *program],
            env=self.environ(**environ),
            cwd=PROJECT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """kill -9 of all of it, and of what its main process left behind."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def close(self) -> None:
        for worker in self.workers:
            self.kill(worker)

    def ring(self, task: str = DELIVER) -> None:
        """As the doorbell, or the clock, does."""
        assert self.valkey
        with Celery(broker=self.valkey.url, set_as_current=False) as app:
            app.send_task(task, ignore_result=True)

    # What became of it

    def messages(self) -> list[Message]:
        rows = self.database.query("SELECT recipient, state, was_uncertain FROM outbox_delivery")
        return [Message(row[0], row[1], bool(row[2])) for row in rows]

    def doubtful_attempts(self) -> Counter[str]:
        """By recipient: attempts that may have been accepted, for all that the installation knows."""
        rows = self.database.query(
            "SELECT recipient, count(*) FROM outbox_attempt JOIN outbox_delivery "
            "ON outbox_delivery.id = outbox_attempt.delivery_id "
            "WHERE outcome IN ('open', 'unknown', 'lost') GROUP BY recipient"
        )
        return Counter(dict(rows))

    def is_settled(self) -> bool:
        """Whether each recipient has a delivery and all of them are sent."""
        found = self.messages()
        return {one.recipient for one in found} == set(self.recipients) and all(one.state == "sent" for one in found)

    def settle(self, seconds: float = 60) -> None:
        """Rings as the clock does, until all is settled."""

        def rings() -> bool:
            self.ring()
            return eventually(self.is_settled, 0.5)

        assert eventually(rings, seconds), self.state()

    def state(self) -> str:
        """For the failure message: what is not sent yet and why, and the end of the worker's log."""
        waiting = self.database.query(
            "SELECT state, cause, reason, count(*), min(not_before), max(not_before), CURRENT_TIMESTAMP "
            "FROM outbox_delivery WHERE settled_at IS NULL GROUP BY state, cause, reason"
        )
        states = Counter(one.state for one in self.messages())
        return f"{dict(states)}\n{waiting}\n{(self.folder / 'worker.log').read_text()[-1500:]}"

    def verdict(self) -> Verdict:
        """Judged by what the sandbox took: on the disk before it answered."""
        verdict = Verdict()
        accepted, messages, doubtful = self.sandbox.ledger.messages(), self.messages(), self.doubtful_attempts()
        for recipient in self.recipients:
            times = [entry for entry in accepted if entry["to"] == [recipient]]
            owed = [one for one in messages if one.recipient == recipient]
            verdict.lost += not times
            verdict.twice += len(times) == 2
            verdict.more += len(times) > 2
            verdict.needless += len(times) > 1 + doubtful[recipient]
            same = {(one["message_id"], one["mime"].partition("Date: ")[2].partition("\r\n")[0]) for one in times}
            verdict.unlike += len(same) > 1
            verdict.unsaid += len(times) > 1 and not any(one.was_uncertain for one in owed)
            verdict.unsettled += len(owed) != 1 or owed[0].state != "sent"
        return verdict


@dataclass
class Verdict:
    """Numbers of recipients; all of them zero is perfect."""

    lost: int = 0
    twice: int = 0
    more: int = 0
    """Than twice."""
    needless: int = 0
    """Accepted more often than once and once for each attempt in doubt."""
    unlike: int = 0
    """More than once, but not with the same Message-ID and Date."""
    unsaid: int = 0
    """More than once, but the delivery does not say that it was uncertain."""
    unsettled: int = 0

    @property
    def is_kept(self) -> bool:
        """The guarantee: never lost; repeated only after an uncertain attempt, as the same message, and marked as
        such."""
        return not (self.lost or self.needless or self.unlike or self.unsaid or self.unsettled)


def _crash(step: str) -> dict[str, Any]:
    """The environment in which a process kills itself at a step."""
    return {VARIABLE: step} if step else {}


def _customer(sandbox: Sandbox) -> str:
    """A CSV file: one app whose secret expires in five days, two mailboxes."""
    domain = f"{uuid4().hex[:8]}.example"
    tenant = sandbox.directory.add_tenant("Northpark Energy", domain)
    app = sandbox.directory.add_app(tenant, "ALERT")
    sandbox.directory.grant(app, "Mail.Send")
    secret = sandbox.directory.add_secret(app)
    mailboxes = [f"alarms@{domain}", f"spare@{domain}"]
    for address in mailboxes:
        sandbox.directory.add_mailbox(tenant, address)
    told: dict[str, Any] = {
        "tenant_name": tenant.name,
        "directory_id": tenant.directory_id,
        "cloud": "lab",
        "contact_emails": "someone@northpark.example",
        "app_name": app.name,
        "client_id": app.client_id,
        "secret_description": "ALERT server",
        "secret_value": secret.value,
        "secret_expires_on": (datetime.now(UTC) + timedelta(days=5)).isoformat(),
        "transport": "graph",
    }
    return as_csv([{**told, "mailbox": address} for address in mailboxes])


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
