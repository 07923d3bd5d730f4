"""A check of all the tenants of an app against a slow authority, beside as many waits by as many threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from django.utils import timezone

from alertadmin.registry import runs
from alertadmin.registry.asking import AT_ONCE
from alertadmin.registry.models import AppRegistration, Consent, ConsentRun, Credential, Mailbox, Tenant
from alertadmin.registry.wanted import note_wanted
from benchmarks.effort import Effort
from benchmarks.measuring import Side, interleaved
from benchmarks.microsoft import CLOUD, microsoft
from benchmarks.stand import Stand
from benchmarks.table import Aim, Row
from sandbox.control import Control

LATENCY = 0.8
"""Seconds that the authority takes for each token."""


def checks(stand: Stand, effort: Effort) -> list[Row]:
    stand.fresh("consents")
    with microsoft(stand.folder / "sandbox") as site:
        control = Control(site.app.cloud.authority, site.ca_file)
        _fill(control, site.app.directory_id, effort.consents)
        control.faults.add("token", delay=LATENCY, times=None)
        waits = Side(lambda: _wait(effort.consents))
        times = interleaved(Side(_check_all, before=_begin), waits, effort.few_repeats)
    name = f"check {effort.consents} tenants of an authority that takes {LATENCY:g} s"
    bare = f"as many waits by {AT_ONCE} threads"
    return [Row(name, bare, times, Aim(ratio_at_most=1.5))]


def _fill(control: Control, home: str, count: int) -> None:
    """A multitenant app with a mailbox in so many tenants, its own among them."""
    there = control.directory.add_app(home, "Many", multi_tenant=True)
    secret = control.directory.add_secret(there)
    tenants = [Tenant.objects.create(name="Northpark Energy", directory_id=home, cloud=CLOUD)]
    for number in range(1, count):
        directory = control.directory.add_tenant(f"Customer {number}", f"customer{number}.example")
        control.directory.install(there, directory)
        tenants.append(Tenant.objects.create(name=directory.name, directory_id=directory.directory_id, cloud=CLOUD))
    app = AppRegistration.objects.create(tenant=tenants[0], name="Many", client_id=there.client_id)
    credential = Credential(app=app, description="in use", expires_at=timezone.now().replace(year=2100))
    credential.store(secret.value)
    credential.save()
    for number, tenant in enumerate(tenants):
        Mailbox.objects.create(tenant=tenant, app=app, address=f"a@customer{number}.example")
    note_wanted([app])


def _begin() -> None:
    ConsentRun.objects.all().delete()
    runs.begin(AppRegistration.objects.get(), now=timezone.now())


def _check_all() -> None:
    while runs.go_on():
        pass
    if Consent.objects.exclude(status="not_in_token").exists():
        raise AssertionError("not every tenant answered")


def _wait(count: int) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _waited in pool.map(lambda _number: time.sleep(LATENCY), range(count)):
            pass
