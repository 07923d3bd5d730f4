"""`python -m sandbox` as a process, and restarts in the same folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import requests

from mailer.clouds_config import load_clouds
from sandbox import Sandbox
from sandbox.control.client import Control

ROOT = Path(__file__).parents[2]


class Program:
    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "sandbox", "--folder", str(folder), *options]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.told: dict[str, Any] = json.loads(self._process.stdout.readline())

    def end(self, by: signal.Signals) -> int:
        self._process.send_signal(by)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return self._process.wait(timeout=20)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_program_prints_its_urls_and_stops_cleanly(tmp_path: Path, by: signal.Signals) -> None:
    program = Program(tmp_path)
    assert program.told["demo"] is None
    assert load_clouds(Path(program.told["clouds_file"]))["lab"].smtp == program.told["smtp"]
    assert program.end(by) == 0


def test_the_demo_is_the_same_after_a_restart(tmp_path: Path) -> None:
    first = Program(tmp_path, "--demo")
    demo, authority = Path(first.told["demo"]).read_text(), Path(first.told["ca_file"]).read_text()
    assert first.end(signal.SIGTERM) == 0
    second = Program(tmp_path, "--demo")
    assert Path(second.told["demo"]).read_text() == demo
    assert Path(second.told["ca_file"]).read_text() == authority
    northpark, harbour, gone = json.loads(demo)["tenants"]
    assert token(second, northpark)["token_type"] == "Bearer"
    assert token(second, harbour)["token_type"] == "Bearer"
    assert token(second, gone)["error_codes"] == [90002]
    control = Control(second.told["url"], second.told["ca_file"])
    assert control.directory.granted(harbour["client_id"], harbour["directory_id"]) == [
        "SMTP.SendAsApp",
        "full_access_as_app",
    ]
    assert second.end(signal.SIGTERM) == 0


def test_private_files_are_readable_only_by_the_owner(tmp_path: Path) -> None:
    program = Program(tmp_path, "--demo")
    for name in ("demo.json", "directory.json", "ledger.jsonl", "ca-key.pem", "signing-key.pem"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600, name
    assert program.end(signal.SIGTERM) == 0


def token(program: Program, tenant: dict[str, Any]) -> dict[str, Any]:
    form = {
        "grant_type": "client_credentials",
        "client_id": tenant["client_id"],
        "client_secret": tenant["secret_value"],
        "scope": "https://graph.microsoft.com/.default",
    }
    with requests.Session() as session:
        session.trust_env = False
        url = f"{program.told['url']}/{tenant['directory_id']}/oauth2/v2.0/token"
        answer: dict[str, Any] = session.post(url, data=form, verify=program.told["ca_file"], timeout=10).json()
        return answer


def test_a_folder_opened_again_is_the_same_sandbox(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as first:
        tenant = first.directory.add_tenant("Northpark", "northpark.example")
        app = first.directory.add_app(tenant, "ALERT")
        secret = first.directory.add_secret(app)
        first.directory.scope(app, "Mail.Send", ["alarms@northpark.example"])
        first.directory.add_login("alert", "pw")
    with Sandbox(tmp_path) as second:
        assert second.directory.tenants() == [tenant]
        assert second.directory.apps(tenant) == [app]
        found = second.directory.matching_secret(app, secret.value or "")
        assert found is not None
        assert found.expires_at == secret.expires_at
        assert second.directory.scoped_mailboxes(app.client_id, tenant.directory_id, "Mail.Send") == [
            "alarms@northpark.example"
        ]
        assert second.directory.installed(app, tenant)


def test_a_port_in_use_is_an_error_and_leaves_nothing_open(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "first") as first:
        with pytest.raises(OSError, match="in use"):
            Sandbox(tmp_path / "second", smtp_port=first.smtp_port)
        with pytest.raises(OSError, match="in use"):
            Sandbox(tmp_path / "third", http_port=int(first.url.rsplit(":", 1)[1]))


def test_clouds_file_is_toml_with_every_endpoint(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as sandbox:
        cloud = tomllib.loads(sandbox.clouds_file.read_text())["lab"]
        assert cloud["authority"] == sandbox.url
        assert cloud["smtp"] == f"{sandbox.smtp_host}:{sandbox.smtp_port}"
        assert (sandbox.clouds_file.parent / cloud["ca_file"]) == sandbox.ca_file
