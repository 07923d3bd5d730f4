"""The server of every send: the sandbox in its own process, which syncs accepted messages to the disk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alertadmin.paths import PROJECT
from mailer.clouds_config import load_clouds
from mailer.tokens import AppIdentity, ClientSecret
from sandbox.control.client import Control

CLOUD = "lab"
PERMISSIONS = ("Mail.Send", "full_access_as_app", "SMTP.SendAsApp")


@dataclass(frozen=True)
class Site:
    """Create a tenant with one app that may send by every transport, and its mailbox."""

    app: AppIdentity
    address: str
    secret: str
    ca_file: str


@contextmanager
def microsoft(folder: Path) -> Iterator[Site]:
    """Start the sandbox, which writes `clouds.toml` into the folder for alertadmin's environment."""
    command = [sys.executable, "-m", "sandbox", "--folder", str(folder)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            told = json.loads(process.stdout.readline())
            yield _site(Control(told["url"], told["ca_file"]), Path(told["clouds_file"]), told["ca_file"])
        finally:
            process.terminate()


def _site(control: Control, clouds_file: Path, ca_file: str) -> Site:
    tenant = control.directory.add_tenant("Northpark Energy", "northpark.example")
    app = control.directory.add_app(tenant, "ALERT")
    secret = control.directory.add_secret(app)
    for permission in PERMISSIONS:
        control.directory.grant(app, permission)
    address = "alarms@northpark.example"
    control.directory.add_mailbox(tenant, address)
    cloud = load_clouds(clouds_file)[CLOUD]
    identity = AppIdentity(cloud, tenant.directory_id, app.client_id, ClientSecret(secret.value))
    return Site(identity, address, secret.value, ca_file)
