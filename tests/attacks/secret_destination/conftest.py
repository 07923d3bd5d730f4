"""A server that must get no secret, and rows whose secrets an attacker redirects to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from alertadmin.outbox import worker
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.consent import checks
from alertadmin.registry.credentials.verification import verify_credential
from alertadmin.registry.models import (
    Credential,
    Mailbox,
    Tenant,
)
from sandbox import Sandbox
from tests.conftest import set_environment
from tests.factories import Rows, Site

PASSWORD = "Winter-2026 of the plant"
ELSEWHERE = "elsewhere"


class Trap:
    """The other place: a socket that listens. What connects to it is about to send a secret."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.url = f"https://localhost:{self.socket.getsockname()[1]}"

    def was_reached(self) -> bool:
        with suppress(BlockingIOError):
            self.socket.accept()[0].close()
            return True
        return False


@pytest.fixture
def trap() -> Iterator[Trap]:
    found = Trap()
    with found.socket:
        yield found


@pytest.fixture
def places(sandbox: Sandbox, trap: Trap, tmp_path: Path, settings: Settings) -> Trap:
    """The operator's file names both the sandbox and the trap, each as a cloud and as an Exchange server."""
    ours = sandbox.clouds_file.read_text().replace('"ca.pem"', f'"{sandbox.ca_file}"')
    file = tmp_path / "clouds.toml"
    cloud, server = ours.split("[onprem]")
    for name, part in (("lab", cloud), ("onprem", "[onprem]" + server)):
        theirs = part.replace(sandbox.url, trap.url).replace(
            f"[{name}]", f"[{ELSEWHERE if name == 'lab' else 'other'}]"
        )
        ours += "\n" + theirs
    file.write_text(ours)
    set_environment(settings, CLOUDS_FILE=str(file))
    return trap


@pytest.fixture
def site(places: Trap, rows: Rows, sandbox: Sandbox) -> Site:
    return rows.site(sandbox)


@pytest.fixture
def plant(site: Site, sandbox: Sandbox) -> Mailbox:
    """A mailbox on premises."""
    mailbox = Mailbox(
        tenant=site.tenant, address="p@plant.example", transport="ews", server="onprem", username="PLANT\\svc"
    )
    mailbox.password = PASSWORD
    mailbox.save()
    return mailbox


def every_way_of_use(site: Site, *mailboxes: Mailbox) -> list[str]:
    """All that sends secrets: proof, consent check, test sends. Returns why each failed."""
    now = timezone.now()
    credential = Credential.objects.select_related("app__tenant").get(pk=site.credential.pk)
    said = [verify_credential(credential, now=now).technical] if credential.value else []
    tenant = Tenant.objects.get(pk=site.tenant.pk)
    said += [one.technical for one in checks.check_consent(credential.app, tenant, now=now)]
    for mailbox in mailboxes or [site.mailbox]:
        delivery = test_send.create(Mailbox.objects.get(pk=mailbox.pk), "me@x.example", now=now)
        worker.deliver_due(only=delivery.pk)
        delivery.refresh_from_db()
        said.append(delivery.reason)
    return said
