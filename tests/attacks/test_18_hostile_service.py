"""18: hostile code in the process of a channel service tries to start programs, to read the key file, the environment
and its parents' memory, and to connect to internal addresses, bypassing Python's own checks; the kernel stops it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.outbox.channels.apprise import client as apprise_client
from alertadmin.outbox.channels.apprise import confinement, seccomp
from mailer.http.ssrf_guard import EgressAllowlist
from tests.helpers.login import signed_in_at
from tests.mailer.https_server import reply
from tests.outbox.channels.http_server import HttpServer

pytestmark = pytest.mark.control(102)
CUSTOM = """
import importlib.util, sys

class Finder:
    '''Puts hostile code in the place of the service's, as soon as that is loaded.'''
    def find_spec(self, name, path=None, target=None):
        if name != "alertadmin.outbox.channels.apprise.plugins":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        real = spec.loader.exec_module
        def exec_module(module):
            real(module)
            import hostile
            module.send = hostile.send
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
"""
HOSTILE = """
import _posixsubprocess, ctypes, os, socket, stat, struct, subprocess, tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__)) + "/../data"
KEY, MARK = os.path.abspath(FOLDER + "/keys.json").encode(), os.path.abspath(FOLDER + "/mark").encode()
PROGRAM = [b"/bin/sh", b"-c", b"echo started > " + MARK]
native = ctypes.PyDLL(None)  # as ctypes.pythonapi, which is there in any case: no call of it is watched
recorded = []

def record(*args):
    recorded.append(args)
    raise OSError

subprocess._fork_exec = record
try:
    subprocess.Popen(PROGRAM)
except OSError:
    pass

def fork():
    pid = native.fork()
    if pid == 0:
        os._exit(0)
    return pid

def spawn():
    pid, argv = ctypes.c_int(), (ctypes.c_char_p * 4)(*PROGRAM, None)
    failed = native.posix_spawn(ctypes.byref(pid), PROGRAM[0], None, None, argv, None)
    return -1 if failed else pid.value

def opened(path, flags=os.O_RDONLY):
    return lambda: native.open(path.encode() if isinstance(path, str) else path, flags, 0o600)

def by_syscall(path):
    return lambda: native.syscall(ctypes.c_long(437), -100, path, struct.pack("QQQ", 0, 0, 0), 24)  # openat2

def peek():
    space = ctypes.create_string_buffer(8)
    local = struct.pack("PN", ctypes.addressof(space), 8)
    remote = struct.pack("PN", id(None), 8)
    return native.process_vm_readv(os.getppid(), local, 1, remote, 1, 0)

def address(port):
    return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), bytes([127, 0, 0, 1]))

def anew(port):
    fd = native.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    return -1 if fd < 0 else native.connect(fd, address(port), 16)

def ring():
    return native.syscall(ctypes.c_long(425), 8, ctypes.create_string_buffer(120))  # io_uring_setup

def attempts(handed, inside):
    parent, fd = os.getppid(), handed.fileno()
    return {
        "fork_exec": lambda: _posixsubprocess.fork_exec(*recorded[0]),
        "fork": fork,
        "vfork by clone": lambda: native.syscall(ctypes.c_long(56), 0x4111, None, None, None, None),
        "system": lambda: -1 if native.system(PROGRAM[2]) else 0,
        "posix_spawn": spawn,
        "execve": lambda: native.execv(b"/bin/true", (ctypes.c_char_p * 2)(b"/bin/true", None)),
        "key file by os.open": lambda: os.open(KEY, os.O_RDONLY),
        "key file": opened(KEY),
        "key file by openat2": by_syscall(KEY),
        "key file by its folder": lambda: native.openat(native.open(b"/", os.O_PATH), KEY[1:], os.O_RDONLY),
        "password file": opened("/etc/passwd"),
        "own environment": opened("/proc/self/environ"),
        "parent's environment": opened(f"/proc/{parent}/environ"),
        "parent's memory": opened(f"/proc/{parent}/mem"),
        "parent's descriptors": opened(f"/proc/{parent}/fd/0"),
        "own code, to write": opened(__file__, os.O_WRONLY),
        "a new file": opened(MARK, os.O_WRONLY | os.O_CREAT),
        "a file in memory": lambda: native.memfd_create(b"x", 0),
        "rename": lambda: native.rename(KEY, MARK),
        "unlink": lambda: native.unlink(KEY),
        "chmod": lambda: native.chmod(KEY, 0o644),
        "ptrace": lambda: native.ptrace(16, parent, None, None),
        "another's memory": peek,
        "kill": lambda: native.kill(parent, 0),
        "pidfd": lambda: native.syscall(ctypes.c_long(434), parent, 0),
        "io_uring": ring,
        "connect inside": lambda: anew(inside),
        "unix socket": lambda: native.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0),
        "netlink": lambda: native.socket(16, socket.SOCK_RAW, 0),
        "a handed connection, elsewhere": lambda: native.connect(fd, address(inside), 16),
        "the same by sending": lambda: native.sendto(fd, b"x", 1, 0x20000000, address(inside), 16),
        "listen": lambda: native.bind(fd, address(0), 16),
        "a higher limit": lambda: native.setrlimit(9, struct.pack("QQ", 2**62, 2**62)),
        "unshare": lambda: native.unshare(0x10000000),
        "mount": lambda: native.mount(b"/", b"/mnt", b"", 4096, None),
    }

def descriptors():
    found = []
    for fd in range(256):
        try:
            mode = os.fstat(fd).st_mode
        except OSError:
            continue
        found.append("socket" if stat.S_ISSOCK(mode) else "device" if stat.S_ISCHR(mode) else "file")
    return found

def send(service, title, text):
    from mailer.http.ssrf_guard import InternalAddress
    from __main__ import RecordingSession
    from mailer.http import deadline_sockets
    tell = RecordingSession.events.report
    there, inside = map(int, text.split())
    handed = deadline_sockets.dial("127.0.0.1", there)
    found = descriptors()
    for name, attempt in attempts(handed, inside).items():
        try:
            result = attempt()
        except BaseException as error:
            result = type(error).__name__
        tell("tried", name=name, result=result)
    try:
        deadline_sockets.dial("127.0.0.1", inside)
        tell("tried", name="dial inside", result=0)
    except InternalAddress:
        tell("tried", name="dial inside", result="Inside")
    tell("seen", descriptors=found, environment=sorted(os.environ))
    return True
"""
KEY = '{"primary": "k1", "keys": {"k1": "the key of this installation"}}'


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Returns the data folder."""
    code, data = tmp_path / "code", tmp_path / "data"
    for folder in (code, data):
        folder.mkdir()
    (code / "sitecustomize.py").write_text(CUSTOM)
    (code / "hostile.py").write_text(HOSTILE)
    (data / "keys.json").write_text(KEY)
    monkeypatch.setenv("PYTHONPATH", str(code))
    monkeypatch.setenv("ALERTADMIN_SECRET_KEY", "x" * 50)
    monkeypatch.setenv("ALERTADMIN_KEYS", "k1:" + "A" * 43 + "=")
    apprise_client.end()
    yield data
    apprise_client.end()


def told_by_it(there: HttpServer, inside: HttpServer) -> list[dict[str, Any]]:
    allowed = EgressAllowlist.parse(f"127.0.0.1:{there.port}")
    order = {
        "url": f"json://127.0.0.1:{there.port}/hook",
        "notice": {"subject": "S", "text": f"{there.port} {inside.port}"},
    }
    return apprise_client.run_request(order, allowed=allowed, seconds=20)


def test_18_hostile_code_of_a_service_is_stopped_by_the_kernel(hostile: Path) -> None:
    with HttpServer() as there, HttpServer() as inside:
        there.routes[""] = reply(200, "ok")
        told = told_by_it(there, inside)
        assert inside.connections == 0
    tried = {event["name"]: event["result"] for event in told if event["event"] == "tried"}
    assert len(tried) == 36, told
    stopped = {-1, "PermissionError", "Forbidden", "Inside"}
    assert {name: result for name, result in tried.items() if result not in stopped} == {}
    assert tried["fork_exec"] == "PermissionError"
    assert (hostile / "keys.json").read_text() == KEY
    assert sorted(os.listdir(hostile)) == ["keys.json"]


def test_18_it_is_given_no_key_and_no_file(hostile: Path) -> None:
    with HttpServer() as there, HttpServer() as inside:
        told = told_by_it(there, inside)
    (seen,) = [event for event in told if event["event"] == "seen"]
    assert [
        name for name in seen["environment"] if name not in apprise_client.INHERITED_VARIABLES and name != "LC_CTYPE"
    ] == []
    assert set(seen["descriptors"]) <= {"socket", "device"}
    assert seen["descriptors"].count("socket") <= 3  # its order, the asking for connections, the one it was handed


@pytest.mark.django_db
def test_18_a_kernel_without_a_part_is_said_on_the_page_of_channels(
    monkeypatch: pytest.MonkeyPatch, client: Client, administrator: User
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert confinement.missing_parts() == ["seccomp"]
    assert not seccomp.restrict()
    page = signed_in_at(client, administrator).get(reverse("channels")).content.decode()
    assert "The code that calls Slack, Teams and others is not confined" in page
    assert "seccomp" in page
