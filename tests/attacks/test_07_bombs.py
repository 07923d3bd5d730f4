"""Items 6, 7 and 23, with real processes: `up` as operators start it, a user who uploads bombs, and servers that answer
with them. `/healthz` answers within a second, and no process grows by more than the content of a bomb.

`./test` uses one of each kind, `./test --all` all of them.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from alertadmin.registry.permissions import Permission
from sandbox import Sandbox
from tests.attacks import bombs
from tests.attacks.endless_server import EndlessServer
from tests.attacks.test_06_key_files import BOMBS as KEY_FILES
from tests.attacks.test_07_slow_clients import SLOW
from tests.attacks.web_server import WITHIN
from tests.supervisor.installation import PROJECT, Installation, clean_environ, eventually

pytestmark = [pytest.mark.crash, pytest.mark.control(119)]

MOST_GROWTH = 250_000_000
"""Bytes by which all processes of the installation together may grow."""
SETTLED_WITHIN = 90.0
"""Seconds in which a send by a hostile server comes to its end."""
TRANSPORT = {"token": "graph", "graph": "graph", "ews": "ews"}
KINDS = ("token", "graph", "ews", "webhook", "oidc")

FILL = """
import json
from django.conf import settings
from django.test import Client
from django.utils import timezone
from datetime import timedelta
from alertadmin.accounts.models.membership import make_owner
from alertadmin.accounts.models import User
from alertadmin.outbox.models import Channel
from alertadmin.registry.models import AppRegistration, Credential, CredentialState, Mailbox, Tenant
from tests.helpers.login import signed_in_at

given = json.loads(GIVEN)
owner = User.objects.create_user("owner@corp.example", "correct horse battery")
make_owner(owner)
cookie = settings.SESSION_COOKIE_NAME
made = {"session": f"{cookie}={signed_in_at(Client(), owner).cookies[cookie].value}"}
for kind, cloud in (("token", "evil"), ("graph", "halfevil"), ("ews", "halfevil")):
    site = given["sites"][kind]
    tenant = Tenant.objects.create(name=kind, directory_id=site["directory"], cloud=cloud)
    app = AppRegistration.objects.create(
        tenant=tenant, name=kind, client_id=site["client"], permissions=["Mail.Send", "full_access_as_app"])
    secret = Credential(
        app=app, description=kind, state=CredentialState.CURRENT, expires_at=timezone.now() + timedelta(days=300))
    secret.store(site["secret"])
    secret.save()
    mailbox = Mailbox.objects.create(
        tenant=tenant, app=app, address=site["mailbox"], transport="ews" if kind == "ews" else "graph")
    made[kind] = f"/mailboxes/{mailbox.pk}/"
    made["app"] = str(app.pk)
channel = Channel(name="hook", service="webhook", label="Webhook", hint="localhost")
channel.address = given["hook"]
channel.save()
made["webhook"] = f"/channels/{channel.pk}/"
print("MADE " + json.dumps(made))
"""


@dataclass
class World:
    installation: Installation
    server: EndlessServer
    receiver: EndlessServer
    """Of webhooks, without TLS."""
    made: dict[str, str]

    def post(self, page: str, path: str, *, files: Any = None, **form: str) -> requests.Response:
        """As a browser does: with the token of the page that holds the form."""
        url = self.installation.url
        cookie = self.made["session"]
        asked = requests.get(url + page, headers={"Cookie": cookie}, timeout=60)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', asked.text)
        assert token, (asked.status_code, asked.text[:2000])
        both = "; ".join(
            [cookie, *(f"{one.name}={one.value}" for one in asked.cookies if one.name != cookie.partition("=")[0])]
        )
        return requests.post(
            url + path,
            data={"csrfmiddlewaretoken": token[1], **form},
            files=files,
            headers={"Cookie": both, "Origin": url},
            timeout=120,
            allow_redirects=False,
        )

    def seconds_of_healthz(self) -> float:
        """Of the quickest of five, or the first in time: a machine that has much else to do delays some."""
        seconds = WITHIN
        for _again in range(5):
            began = time.monotonic()
            assert self.installation.answer("/healthz") == 200
            seconds = min(seconds, time.monotonic() - began)
            if seconds < WITHIN:
                break
        return seconds

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.installation.data_dir / "alertadmin.sqlite3", timeout=30)) as database:
            return database.execute(query).fetchall()

    def endure(self, *throws: Callable[[], requests.Response]) -> list[requests.Response]:
        """Throws them all at once, and looks at /healthz and the memory until each was answered."""
        self.seconds_of_healthz()
        before, largest, slowest = resident_bytes(self.installation.processes()), 0, 0.0
        with ThreadPoolExecutor(len(throws)) as pool:
            thrown: list[Future[requests.Response]] = [pool.submit(throw) for throw in throws]
            while True:
                is_over = all(one.done() for one in thrown)
                slowest = max(slowest, self.seconds_of_healthz())
                largest = max(largest, resident_bytes(self.installation.processes()))
                if is_over:
                    break
        assert slowest < WITHIN
        assert largest - before < MOST_GROWTH
        return [one.result() for one in thrown]


def resident_bytes(processes: Iterable[int]) -> int:
    total = 0
    for pid in processes:
        with suppress(OSError):  # it has ended
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


def clouds(sandbox: Sandbox, server: EndlessServer, folder: Path) -> Path:
    """Two clouds of the hostile server: "evil" hands out tokens itself, "halfevil" takes those of the sandbox."""
    (folder / "both.pem").write_text(sandbox.ca_file.read_text() + Path(server.ca_file).read_text())
    [good] = [one for one in tomllib.loads(sandbox.clouds_file.read_text()).values() if "authority" in one]
    lines = []
    for slug, authority in (("evil", server.url), ("halfevil", good["authority"])):
        values = {**good, "label": slug, "authority": authority, "ca_file": "both.pem"}
        values |= {"graph": f"{server.url}/graph", "ews": f"{server.url}/EWS/Exchange.asmx"}
        lines += [f"[{slug}]", *(f'{name} = "{value}"' for name, value in values.items()), ""]
    path = folder / "clouds.toml"
    path.write_text("\n".join(lines))
    return path


def slug(bomb: str) -> str:
    return bomb.lower().replace(" ", "-")


def sign_in_file(server: EndlessServer, folder: Path) -> Path:
    """A provider for each bomb: what one answered is kept for a while."""
    path = folder / "sign-in.toml"
    provider = (
        'label = "{0}"\nissuer = "{1}/{0}"\nclient_id = "x"\nclient_secret = "yyyyyyyyyyyyyyyy"\nca_file = "{2}"\n'
    )
    each = [f"[{slug(bomb)}]\n" + provider.format(slug(bomb), server.url, server.ca_file) for bomb in bombs.answers()]
    path.write_text("\n".join(each))
    path.chmod(0o600)
    return path


NOWHERE = {
    "directory": "00000001-0000-4000-8000-000000000001",
    "client": "00000002-0000-4000-8000-000000000001",
    "secret": "canary~of-the-app-at-a-hostile-cloud",
    "mailbox": "alarms@token-bombs.example",
}


def there(sandbox: Sandbox, kind: str) -> dict[str, str]:
    """A customer of the sandbox, whose tokens are good."""
    directory = sandbox.directory
    tenant = directory.add_tenant(kind, f"{kind}-bombs.example")
    app = directory.add_app(tenant, "ALERT")
    for permission in Permission:
        directory.grant(app, permission.value)
    mailbox = f"alarms@{kind}-bombs.example"
    directory.add_mailbox(tenant, mailbox)
    secret = str(directory.add_secret(app).value)
    return {"directory": tenant.directory_id, "client": app.client_id, "secret": secret, "mailbox": mailbox}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, running_sandbox: Sandbox) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("bombs")
    sites = {"graph": there(running_sandbox, "graph"), "ews": there(running_sandbox, "ews"), "token": NOWHERE}
    with EndlessServer() as server, EndlessServer(tls=False) as receiver:
        environ = {
            "ALERTADMIN_CLOUDS_FILE": str(clouds(running_sandbox, server, folder)),
            "ALERTADMIN_SIGN_IN_FILE": str(sign_in_file(server, folder)),
            "ALERTADMIN_INSIDE_TARGETS": "127.0.0.0/8, ::1",
        }
        given = {"sites": sites, "hook": f"{receiver.url}/hook"}
        installation = Installation(folder / "data", port=None, **environ)
        try:
            installation.wait_until_ready()
            code = FILL.replace("GIVEN", repr(json.dumps(given)))
            done = subprocess.run(
                [sys.executable, "manage.py", "shell", "-c", code],
                env=clean_environ(folder / "data", **environ),
                cwd=PROJECT,
                capture_output=True,
                text=True,
                check=False,
            )
            made = next((line for line in done.stdout.splitlines() if line.startswith("MADE ")), None)
            assert made, done.stderr[-3000:]
            yield World(installation, server, receiver, json.loads(made.removeprefix("MADE ")))
        finally:
            server.close()
            receiver.close()
            installation.stop()


def quick(names: Any, which: Any) -> list[Any]:
    return [one if one in which else pytest.param(one, marks=pytest.mark.slow) for one in names]


# Clients


@pytest.mark.parametrize("kind", quick(SLOW, ["half-open headers", "half-sent bodies"]))
def test_07_slow_clients_of_a_whole_installation(world: World, kind: str) -> None:
    import socket

    count, first_bytes = SLOW[kind]
    with ExitStack() as held:
        for _number in range(count):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", world.installation.port), 30))
            connection.sendall(first_bytes)
        assert world.seconds_of_healthz() < WITHIN


# Files that people upload


@pytest.mark.parametrize(
    "bomb", quick(KEY_FILES, ["the MAC of a PFX, two billion rounds", "a PEM key, scrypt of 32 GB"])
)
def test_06_four_people_upload_key_files(world: World, bomb: str) -> None:
    page = f"/apps/{world.made['app']}/certificates/add/"
    content = KEY_FILES[bomb]()
    throw = partial(_upload, world, page, content)
    assert {one.status_code for one in world.endure(throw, throw, throw, throw)} <= {200, 422}


def _upload(world: World, page: str, content: bytes) -> requests.Response:
    return world.post(page, page, files={"file": ("bomb.pfx", content)}, passphrase="x", description="")


@pytest.mark.parametrize("bomb", quick(bombs.csv_files(), ["lines without an end"]))
def test_07_two_people_upload_csv_files(world: World, bomb: str) -> None:
    content = bombs.csv_files()[bomb]

    def throw() -> requests.Response:
        return world.post("/import/", "/import/", files={"file": ("bomb.csv", content)})

    assert {one.status_code for one in world.endure(throw, throw)} <= {302, 422}


@pytest.mark.parametrize("packed", quick(["zeros", "itself"], ["zeros"]))
def test_17_a_backup_that_unpacks_without_end_is_refused_in_time(world: World, tmp_path: Path, packed: str) -> None:
    """Beside a running installation, by the command: no page takes a backup."""
    content = bombs.gzip_bomb() if packed == "zeros" else gzip.compress(bombs.gzip_bomb())
    path = tmp_path / "bomb.backup"
    path.write_bytes(content)
    command = [sys.executable, "manage.py", "restore", str(path), "--unauthenticated", "--force"]
    environ = clean_environ(tmp_path / "elsewhere")
    largest = 0
    with subprocess.Popen(command, env=environ, cwd=PROJECT, stderr=subprocess.PIPE, text=True) as restoring:
        while restoring.poll() is None:
            assert world.seconds_of_healthz() < WITHIN
            largest = max(largest, resident_bytes([restoring.pid]))
        assert restoring.stderr
        assert (restoring.returncode, "Traceback" in restoring.stderr.read()) == (1, False)
    assert largest < MOST_GROWTH


# Servers that answer


@pytest.mark.parametrize("bomb", quick(bombs.answers(), ["a gzip bomb"]))
@pytest.mark.parametrize("kind", KINDS)
def test_23_hostile_servers(world: World, kind: str, bomb: str) -> None:
    """With no more than a share of the memory that the answer would take, and the worker comes to an end with it."""
    answer = bombs.answers()[bomb]
    server = world.receiver if kind == "webhook" else world.server
    server.answers(answer.body, answer.headers)
    server.drips, before = answer.drips, server.requests
    if kind == "oidc":
        throw = partial(world.post, "/sign-in/", f"/sign-in/with/{slug(bomb)}/")
        assert {one.status_code for one in world.endure(*[throw] * 10)} <= {200, 302, 303, 502, 503}
    else:
        page = world.made[kind]
        form = {} if kind == "webhook" else {"recipient": "owner@corp.example", "transport": TRANSPORT[kind]}
        [started] = world.endure(partial(world.post, page, f"{page}test/", **form))
        assert started.status_code == 302, re.findall(r"invalid-feedback.*", started.text)
        delivery = started.headers["Location"].split("/")[2].replace("-", "")
        world.endure(partial(_wait, world, delivery))
    server.drips = False
    assert server.requests > before, "it was asked"


def _wait(world: World, delivery: str) -> requests.Response:
    """Until the worker has done with it: a webhook that answers 200 has taken it, by its status alone."""
    query = f"SELECT state FROM outbox_delivery WHERE id = '{delivery}'"
    assert eventually(lambda: world.rows(query)[0][0] in ("failed", "uncertain", "sent"), SETTLED_WITHIN), world.rows(
        query
    )
    return requests.Response()
