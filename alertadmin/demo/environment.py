"""The demonstration: a sandbox in place of Microsoft 365, and an installation with example data."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from alertadmin import environment
from alertadmin.environment import DEMO_PORTS, SANDBOX_KEY
from alertadmin.paths import default_folder
from alertadmin.supervisor import ports as supervisor_ports
from alertadmin.supervisor.errors import NotStarted
from alertadmin.supervisor.process import Program
from mailer.clouds_config import read_clouds_file

FOLDER = default_folder("demo-data")
PREFERRED = (9443, 9587, 9025)
PASSED = frozenset(
    {
        *("COLORTERM", "FORCE_COLOR", "HOME", "LANG", "LD_LIBRARY_PATH", "LOGNAME", "NO_COLOR"),
        *("PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV"),
    }
)
"""Variables of the operator's session that are passed on, with those of PASSED_GROUPS. No other one is, because
libraries read addresses and secrets of services from the environment (PGPASSWORD, HTTPS_PROXY, AZURE_CLIENT_SECRET)."""
PASSED_GROUPS = ("LC_", "PYTHON")
LOCAL = ("127.0.0.1", "[::1]", "localhost")


def environ(given: Mapping[str, str], folder: Path = FOLDER) -> dict[str, str]:
    """Return the environment of a demonstration: its own data folder, and nothing of the operator's real installation.

    Values that an earlier call added to `given` for the same folder are kept. Raises NotStarted if the folder belongs
    to a real installation.
    """
    if (folder / "secret_key").exists() and not is_of_demonstration(folder):
        raise NotStarted(f"{folder} holds an installation that is no demonstration. Choose another folder with --data.")
    values = {name: value for name, value in given.items() if _is_passed(name, value)}
    ports = given.get(DEMO_PORTS, "").split(",")
    own = _own(folder, ports, given.get(SANDBOX_KEY, ""))
    if len(ports) != len(PREFERRED) or any(given.get(name) != value for name, value in own.items()):
        own = _own(folder, [str(supervisor_ports.free_port(port)) for port in PREFERRED], secrets.token_urlsafe(24))
    return {**values, **own}


def is_of_demonstration(folder: Path) -> bool:
    return (folder / "sandbox").exists()


def without(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a real installation, without the variables of a demonstration."""
    return {name: value for name, value in given.items() if name not in (DEMO_PORTS, SANDBOX_KEY)}


def _is_passed(name: str, value: str) -> bool:
    if name == "ALERTADMIN_BIND":
        # ALERTADMIN_BIND with a public address is meant for the real installation; --host sets it for a demonstration.
        return value.rpartition(":")[0] in LOCAL
    if name.startswith("ALERTADMIN_"):
        return name.removeprefix("ALERTADMIN_") in environment.DEMONSTRATION
    return name in PASSED or name.startswith(PASSED_GROUPS)


def _own(folder: Path, ports: Sequence[str], key: str) -> dict[str, str]:
    return {
        "ALERTADMIN_DATA_DIR": str(folder),
        # Chosen once, so that the sandbox has the same ports after a crash.
        DEMO_PORTS: ",".join(ports),
        SANDBOX_KEY: key,
        "ALERTADMIN_CLOUDS_FILE": str(folder / "sandbox" / "clouds.toml"),
        "ALERTADMIN_SMTP_URL": f"smtp://localhost:{ports[-1]}",
        # Lets users try a channel with a receiver on this machine.
        "ALERTADMIN_INSIDE_TARGETS": "127.0.0.0/8, ::1",
        "DJANGO_SETTINGS_MODULE": "alertadmin.settings",
    }


class Demo:
    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "sandbox"
        self._former_urls = self._urls()
        self.opened = asyncio.Event()
        self._announced: dict[str, Any] = {}

    def program(self) -> Program:
        https, smtp, relay = os.environ[DEMO_PORTS].split(",")
        command = [sys.executable, "-m", "sandbox", "--folder", str(self.folder), "--demo"]
        command += ["--port", https, "--smtp-port", smtp, "--relay-port", relay]
        return Program("sandbox", command, grace=2.0, on_line=self._read_line)

    def _read_line(self, line: str) -> bool:
        """Read the sandbox's one line of JSON, which says that it accepts connections."""
        try:
            announced = json.loads(line)
        except ValueError:
            return False
        self._announced = announced
        self.opened.set()
        return True

    def seed(self, now: datetime) -> None:
        """Register the sandbox's example tenants, unless an earlier start did."""
        from alertadmin.crypto import reencryption
        from alertadmin.demo.seed import Seeding
        from alertadmin.registry.clouds import with_former_url

        current_urls = self._urls()
        for slug, url in self._former_urls.items():
            if current_urls.get(slug, url) != url:  # an earlier start used other ports
                reencryption.rebind_destination(slug, partial(with_former_url, slug=slug, former=url))
        Seeding(
            self._announced["url"],
            self._announced["ca_file"],
            os.environ[SANDBOX_KEY],
            Path(self._announced["demo"]),
            now,
        ).run()

    def _urls(self) -> dict[str, str]:
        """Return the URLs of the sandbox's cloud and server, as it wrote them at its last start."""
        file = read_clouds_file(self.folder / "clouds.toml")
        urls = {slug: cloud.authority for slug, cloud in file.clouds.items()}
        return urls | {slug: server.ews for slug, server in file.servers.items()}

    def start_message(self) -> str:
        """Return the text that the terminal shows after the start."""
        return (
            f"\nThis is a demonstration. In place of Microsoft 365 there is a sandbox on this machine.\n"
            f"  What it was sent:    {self._announced['mailbox_page']}\n"
            f"                       (for you alone; your browser warns of its certificate)\n"
            f"  To register by hand: {self.folder / 'to-register.txt'}\n"
        )
