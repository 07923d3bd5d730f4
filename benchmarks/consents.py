"""Check all tenants of an app with a slow authority, against as many waits by as many threads; and check very many
while another cloud never responds."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from django.utils import timezone

from alertadmin.registry.consent import check_batch
from alertadmin.registry.consent.consent_client import MAX_CONCURRENT_CHECKS
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import AppRegistration, Consent, ConsentCheckBatch, Credential, Mailbox, Tenant
from benchmarks.installation import Stand
from benchmarks.report import Aim, ReportRow
from benchmarks.sandbox_process import CLOUD, microsoft
from benchmarks.sizes import Effort
from benchmarks.timing import Side, Times, interleaved
from sandbox.control.client import Control
from sandbox.state.directory import Directory

LATENCY = 0.8
"""Seconds that the authority needs for each token."""
DEAD = "dead"
AIM = Aim(ratio_at_most=1.5)


def checks(stand: Stand, effort: Effort) -> list[ReportRow]:
    stand.fresh("consents")
    folder = stand.folder / "sandbox"
    _fill(folder, effort.consents)
    with microsoft(folder) as site:
        Control(site.app.cloud.authority, site.ca_file).faults.add("token", delay=LATENCY, times=None)
        waits = Side(lambda: _wait(effort.consents))
        times = interleaved(Side(_check_all, before=_begin), waits, effort.few_repeats)
    name = f"check {effort.consents:,} tenants of an authority that takes {LATENCY:g} s"
    return [ReportRow(name, f"as many waits by {MAX_CONCURRENT_CHECKS} threads", times, AIM)]


def beside_a_dead_one(stand: Stand, effort: Effort) -> list[ReportRow]:
    """Run once, because it takes long. The baseline is calculated instead of measured."""
    count, dead = effort.very_many_consents, effort.very_many_consents // 20
    stand.fresh("consents-many")
    folder = stand.folder / "sandbox"
    _fill(folder, count, dead)
    with microsoft(folder) as site, _silent(folder / "clouds.toml"):
        Control(site.app.cloud.authority, site.ca_file).faults.add("token", delay=LATENCY, times=None)
        _begin()
        ours = Side(_check_all).seconds()
    if Consent.objects.filter(cause="network").count() != dead:
        raise AssertionError("not each of the silent cloud's tenants is said to be so")
    name = f"check {count:,} tenants so, and {dead:,} of a cloud that never answers"
    bare = f"{LATENCY:g} s x {count:,} / {MAX_CONCURRENT_CHECKS} threads, reckoned"
    return [ReportRow(name, bare, Times((ours,), (LATENCY * count / MAX_CONCURRENT_CHECKS,)), AIM)]


def _fill(folder: Path, count: int, dead: int = 0) -> None:
    """Create a multitenant app with a mailbox in so many tenants, and in so many of a cloud that never responds.

    The sandbox reads its directory from this folder when it starts: thousands of tenants are one file's writing.
    """
    directory = Directory(folder / "directory.json")
    with directory.batch():
        there = directory.add_app(directory.add_tenant("Northpark Energy", "home.example"), "Many", multi_tenant=True)
        secret = directory.add_secret(there)
        tenants = [Tenant(name="Northpark Energy", directory_id=there.tenant_id, cloud=CLOUD)]
        for number in range(1, count + dead):
            known = directory.add_tenant(f"Customer {number}", f"customer{number}.example")
            directory.install(there, known)
            cloud = CLOUD if number < count else DEAD
            tenants.append(Tenant(name=known.name, directory_id=known.directory_id, cloud=cloud))
    Tenant.objects.bulk_create(tenants)
    app = AppRegistration.objects.create(tenant=tenants[0], name="Many", client_id=there.client_id)
    credential = Credential(app=app, description="in use", expires_at=timezone.now().replace(year=2100))
    credential.store(secret.value or "")
    credential.save()
    Mailbox.objects.bulk_create(
        Mailbox(tenant=tenant, app=app, address=f"a@customer{number}.example") for number, tenant in enumerate(tenants)
    )
    sync_required_consents([app])


@contextmanager
def _silent(clouds_file: Path) -> Iterator[None]:
    """A cloud like the sandbox's, whose authority accepts connections and never responds."""
    text = clouds_file.read_text(encoding="utf-8")
    table = text[text.index(f"[{CLOUD}]") : text.index("[onprem]")].replace(f"[{CLOUD}]", f"[{DEAD}]")
    with socket.create_server(("127.0.0.1", 0), backlog=MAX_CONCURRENT_CHECKS * 8) as server:
        lines = [
            f'authority = "https://127.0.0.1:{server.getsockname()[1]}"' if line.startswith("authority") else line
            for line in table.splitlines()
        ]
        clouds_file.write_text(text + "\n" + "\n".join(lines) + "\n", encoding="utf-8")
        yield


def _begin() -> None:
    ConsentCheckBatch.objects.all().delete()
    check_batch.start(AppRegistration.objects.get(), now=timezone.now())


def _check_all() -> None:
    while check_batch.continue_batch():
        pass
    if Consent.objects.filter(tenant__cloud=CLOUD).exclude(status="not_in_token").exists():
        raise AssertionError("not every tenant answered")


def _wait(count: int) -> None:
    with ThreadPoolExecutor(MAX_CONCURRENT_CHECKS) as pool:
        for _waited in pool.map(lambda _number: time.sleep(LATENCY), range(count)):
            pass
