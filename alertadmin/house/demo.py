"""The demonstration: a sandbox in place of Microsoft 365, and an installation that has seen some life."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from alertadmin import environment
from alertadmin.house import doors
from alertadmin.house.processes import Program
from alertadmin.house.refusals import NotStarted
from mailer.clouds_file import read_clouds_file

FOLDER = environment.PROJECT / "demo-data"
PORTS = "ALERTADMIN_DEMO_PORTS"
"""Where the sandbox listens (HTTPS, SMTP submission, relay): chosen once, so that after a crash it is found again."""
PREFERRED = (9443, 9587, 9025)
PRODUCTION_ONLY = ("DATABASE_URL", "REDIS_URL", "KEYS_FILE", "SECRET_KEY", "PUBLIC_URL", "PING_URL")


def environ(given: Mapping[str, str], folder: Path = FOLDER) -> dict[str, str]:
    """The environment of a demonstration: a data folder of its own, and nothing of the operator's real installation.

    Raises NotStarted if the folder holds a real one.
    """
    if (folder / "secret_key").exists() and not (folder / "sandbox").exists():
        raise NotStarted(f"{folder} holds an installation that is no demonstration. Choose another folder with --data.")
    values = {name: value for name, value in given.items() if name.removeprefix("ALERTADMIN_") not in PRODUCTION_ONLY}
    values["ALERTADMIN_DATA_DIR"] = str(folder)
    ports = [doors.free_port(port) for port in PREFERRED]
    values[PORTS] = ",".join(map(str, ports))
    values["ALERTADMIN_CLOUDS_FILE"] = str(folder / "sandbox" / "clouds.toml")
    values["ALERTADMIN_SMTP_URL"] = f"smtp://localhost:{ports[2]}"
    return values


class Demo:
    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "sandbox"
        self._former = self._urls()
        self.opened = asyncio.Event()
        self._told: dict[str, Any] = {}

    def program(self) -> Program:
        https, smtp, relay = os.environ[PORTS].split(",")
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
        from alertadmin.house.demo_rows import Seeding
        from alertadmin.registry import rotation

        now_at = self._urls()
        for place, url in self._former.items():
            if now_at.get(place, url) != url:  # an earlier start found other ports free
                rotation.follow(place, url)
        Seeding(self._told["url"], self._told["ca_file"], Path(self._told["demo"]), now).run()

    def _urls(self) -> dict[str, str]:
        """Where the sandbox's cloud and server are, as it wrote when it last started."""
        file = read_clouds_file(self.folder / "clouds.toml")
        places = {slug: cloud.authority for slug, cloud in file.clouds.items()}
        return places | {slug: server.ews for slug, server in file.servers.items()}

    def words(self) -> str:
        """What a newcomer is told."""
        return (
            f"\nThis is a demonstration. In place of Microsoft 365 there is a sandbox on this machine.\n"
            f"  What it was sent:    {self._told['mailbox_page']}  (your browser warns of its certificate)\n"
            f"  To register by hand: {self.folder / 'to-register.txt'}\n"
        )
