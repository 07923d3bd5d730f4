"""What Python's own part of the confinement lets a process do: a script tries all of it, each thing on a thread of its
own. What the kernel holds beside it: tests/attacks/test_18_hostile_service.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from alertadmin.paths import PROJECT
from tests.outbox.channels.http_server import HttpServer

SCRIPT = """
import asyncio, json, os, pathlib, smtplib, socket, sqlite3, subprocess, sys, threading, urllib.request
from alertadmin.outbox.channels.apprise import confinement
from mailer.http.ssrf_guard import EgressAllowlist

port, secret = int(sys.argv[1]), sys.argv[2]
sys.path.append(sys.argv[4])
told = []
confinement.watch(EgressAllowlist.parse(sys.argv[3]), refused=lambda: told.append("refused"))

async def by_asyncio():
    await asyncio.open_connection("127.0.0.1", port)

def udp(send):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        send(s)

def unix():
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("/run/docker.sock")

def by_name():
    with socket.socket() as s:
        s.connect(("localhost", port))

attempts = {
    "create_connection": lambda: socket.create_connection(("127.0.0.1", port)).close(),
    "mapped": lambda: socket.create_connection(("::ffff:127.0.0.1", port)).close(),
    "by name": by_name,
    "connect_ex": lambda: socket.socket().connect_ex(("127.0.0.1", port)),
    "asyncio": lambda: asyncio.run(by_asyncio()),
    "urllib": lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/").close(),
    "smtplib": lambda: smtplib.SMTP("127.0.0.1", port, timeout=0.3),
    "sendto": lambda: udp(lambda s: s.sendto(b"x", ("127.0.0.1", port))),
    "sendmsg": lambda: udp(lambda s: s.sendmsg([b"x"], [], 0, ("127.0.0.1", port))),
    "unix": unix,
    "read": lambda: pathlib.Path(secret).read_text(),
    "read by a link": lambda: open(pathlib.Path(sys.argv[4]) / "link.py").close(),
    "os.open": lambda: os.open(secret, os.O_RDONLY),
    "write": lambda: open(os.path.join(sys.prefix, "written"), "w").close(),
    "sqlite": lambda: sqlite3.connect(secret),
    "program": lambda: subprocess.run(["true"]),
    "shell": lambda: os.system("true"),
    "fork": os.fork,
    "exec": lambda: os.execv("/bin/true", ["true"]),
}
ended = {}

def attempt(name):
    told.clear()
    try:
        attempts[name]()
        ended[name] = "done"
    except BaseException as error:
        ended[name] = type(error).__name__
    ended[name] += ", refused" if "refused" in told else ""

for name in attempts:
    thread = threading.Thread(target=attempt, args=(name,))
    thread.start()
    thread.join()
print(json.dumps(ended))
"""
CONNECTIONS = (
    "create_connection", "mapped", "by name", "connect_ex", "asyncio", "urllib", "smtplib", "sendto", "sendmsg", "unix",
)  # fmt: skip


def attempts(server: HttpServer, folder: Path, allowed: str) -> dict[str, str]:
    secret = folder / "secret.txt"
    secret.write_text("secret")
    code = folder / "code"
    code.mkdir()
    (code / "link.py").symlink_to(secret)
    script = [sys.executable, "-c", SCRIPT, str(server.port), str(secret), allowed, str(code)]
    run = subprocess.run(script, capture_output=True, text=True, check=True, timeout=60)
    ended = json.loads(run.stdout)
    assert isinstance(ended, dict)
    return ended


def test_no_thread_gets_out(server: HttpServer, tmp_path: Path) -> None:
    ended = attempts(server, tmp_path, "")
    assert {name: how for name, how in ended.items() if name in CONNECTIONS} == dict.fromkeys(
        CONNECTIONS, "InternalAddress, refused"
    )
    assert {how for name, how in ended.items() if name not in CONNECTIONS} == {"Forbidden"}
    assert server.connections == 0


def test_what_the_operator_lists_can_be_called(server: HttpServer, tmp_path: Path) -> None:
    ended = attempts(server, tmp_path, f"127.0.0.1:{server.port}")
    by_number = ("create_connection", "asyncio", "urllib", "sendto", "sendmsg")
    assert {name: ended[name] for name in by_number} == dict.fromkeys(by_number, "done")
    assert ended["unix"] == ended["by name"] == "InternalAddress, refused"
    assert server.connections >= 3


@pytest.mark.parametrize("folder", ["alertadmin", "mailer"])
def test_the_data_folder_is_no_code_wherever_it_lies(folder: str) -> None:
    from alertadmin.outbox.channels.apprise import confinement

    readable = confinement._code()
    assert f"{PROJECT / folder}/" in readable
    assert not str(PROJECT / "var" / "keys.json").startswith(readable)
