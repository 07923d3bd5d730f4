"""The demonstration: a sandbox in place of Microsoft 365, and an installation that has seen some life."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
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
"""Variables of the operator's session that programs need; those of PASSED_GROUPS too. None of them leads to a service
or names a secret: libraries take such ones from the environment too (PGPASSWORD, HTTPS_PROXY, AZURE_CLIENT_SECRET)."""
PASSED_GROUPS = ("LC_", "PYTHON")
LOCAL = ("127.0.0.1", "[::1]", "localhost")


def environ(given: Mapping[str, str], folder: Path = FOLDER) -> dict[str, str]:
    """The environment of a demonstration: a data folder of its own, and nothing of the operator's real installation.

    What it adds itself stays as it is where `given` has it for the same folder already. Raises NotStarted if the folder
    holds a real installation.
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
    """The environment of a real installation: nothing of a demonstration."""
    return {name: value for name, value in given.items() if name not in (DEMO_PORTS, SANDBOX_KEY)}


def _is_passed(name: str, value: str) -> bool:
    if name == "ALERTADMIN_BIND":
        # An address where others reach it was meant for the real one; --host says it of the demonstration.
        return value.rpartition(":")[0] in LOCAL
    if name.startswith("ALERTADMIN_"):
        return name.removeprefix("ALERTADMIN_") in environment.DEMONSTRATION
    return name in PASSED or name.startswith(PASSED_GROUPS)


def _own(folder: Path, ports: Sequence[str], key: str) -> dict[str, str]:
    return {
        "ALERTADMIN_DATA_DIR": str(folder),
        # Chosen once, so that after a crash the sandbox is found where it was.
        DEMO_PORTS: ",".join(ports),
        SANDBOX_KEY: key,
        "ALERTADMIN_CLOUDS_FILE": str(folder / "sandbox" / "clouds.toml"),
        "ALERTADMIN_SMTP_URL": f"smtp://localhost:{ports[-1]}",
        # So that a channel can be tried with a receiver on this machine.
        "ALERTADMIN_INSIDE_TARGETS": "127.0.0.0/8, ::1",
        "DJANGO_SETTINGS_MODULE": "alertadmin.settings",
    }


class Demo:
    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "sandbox"
        self._former = self._urls()
        self.opened = asyncio.Event()
        self._told: dict[str, Any] = {}

    def program(self) -> Program:
        https, smtp, relay = os.environ[DEMO_PORTS].split(",")
        command = [sys.executable, "-m", "sandbox", "--folder", str(self.folder), "--demo"]
        command += ["--port", https, "--smtp-port", smtp, "--relay-port", relay]
        return Program("sandbox", command, grace=2.0, on_line=self._hear)

    def _hear(self, line: str) -> bool:
        """The sandbox's one line of JSON says that it is open."""
        try:
            told = json.loads(line)
        except ValueError:
            return False
        self._told = told
        self.opened.set()
        return True

    def seed(self, now: datetime) -> None:
        """Registers what the sandbox holds, unless an earlier start did."""
        from alertadmin.crypto import reencryption
        from alertadmin.demo.seed import Seeding

        now_at = self._urls()
        for place, url in self._former.items():
            if now_at.get(place, url) != url:  # an earlier start found other ports free
                reencryption.rebind_destination(place, url)
        Seeding(self._told["url"], self._told["ca_file"], os.environ[SANDBOX_KEY], Path(self._told["demo"]), now).run()

    def _urls(self) -> dict[str, str]:
        """Where the sandbox's cloud and server are, as it wrote when it last started."""
        file = read_clouds_file(self.folder / "clouds.toml")
        places = {slug: cloud.authority for slug, cloud in file.clouds.items()}
        return places | {slug: server.ews for slug, server in file.servers.items()}

    def words(self) -> str:
        """What a newcomer is told."""
        return (
            f"\nThis is a demonstration. In place of Microsoft 365 there is a sandbox on this machine.\n"
            f"  What it was sent:    {self._told['mailbox_page']}\n"
            f"                       (for you alone; your browser warns of its certificate)\n"
            f"  To register by hand: {self.folder / 'to-register.txt'}\n"
        )
