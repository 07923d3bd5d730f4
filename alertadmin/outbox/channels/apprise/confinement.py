"""Confines this whole process to what sending a notice needs, whatever a library does and on whichever thread: reading
its own code, and using the connections that it is handed. There is no way back; so this is for a process of its own
(see `fork_server`).

The kernel holds it: `landlock` says which files can be opened, `seccomp` which system calls made. Before that, Python
tells of each connection, file and program (PEP 578), and what is none of this process's business is refused in words.
By itself that stops mistakes alone: native code walks past it. Where the kernel lacks a part, `missing` names it.
"""

from __future__ import annotations

import contextlib
import ctypes
import mimetypes
import os
import signal
import socket
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alertadmin.outbox.channels.apprise import landlock, seccomp
from alertadmin.paths import IS_INSTALLED, PROJECT
from mailer.http.ssrf_guard import EgressAllowlist, InternalAddress

NEVER = frozenset(
    {
        "ctypes.dlopen",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "os.system",
        "pty.spawn",
        "sqlite3.connect",
        "subprocess.Popen",
    }
)
"""Nothing is started, and nothing opened that opens files by itself."""
CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
MEMORY = 1_000_000_000
"""Bytes that the process may take."""


class Forbidden(Exception):
    """No part of sending a notice. No OSError: nobody takes it for a file that is missing."""


def confine(allowed: EgressAllowlist, *, refused: Callable[[], None]) -> None:
    """From now on. `refused` is called before Inside is raised."""
    mimetypes.init()  # reads files of the system that it would want later
    _limit_memory()
    _restrict()
    watch(allowed, refused=refused)


def watch(allowed: EgressAllowlist, *, refused: Callable[[], None]) -> None:
    """Python's part: the words, and all that there is where the kernel lacks its own."""
    readable = _code()

    def look(event: str, args: tuple[Any, ...]) -> None:
        if event in CONNECTS:
            _check_target(args[0], args[1], allowed, refused)
        elif event == "open":
            _check_file(args[0], args[2], readable)
        elif event in NEVER:
            raise Forbidden(event)

    sys.addaudithook(look)


def missing() -> list[str]:
    """The parts of the confinement that this machine's kernel lacks or has switched off."""
    parts = {"Landlock": landlock.version() > 0, "seccomp": seccomp.is_supported()}
    return [name for name, there in parts.items() if not there]


def end_with_parent(parent: int) -> None:
    """The kernel kills this process when the one that forked it ends, however that was."""
    with contextlib.suppress(OSError, AttributeError):  # no Linux
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before
        os._exit(1)


def _restrict() -> None:
    """Before any thread is started: the kernel confines the calling one, and those that come from it."""
    libraries = sysconfig.get_config_var("LIBDIR") or ""
    system = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ssl", "/etc/pki", "/etc/ld.so.cache", libraries)
    landlock.restrict([*_code(), *(path for path in system if path)])
    seccomp.restrict()


def _check_target(through: socket.socket, address: Any, allowed: EgressAllowlist, refused: Callable[[], None]) -> None:
    """Addresses that are no numbers (a name that the kernel's library would look up, a Unix socket) are refused."""
    if address is None:  # the socket is connected, and was asked about then
        return
    numbers = through.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple)
    if not numbers or not allowed.permits(str(address[0]), int(address[1])):
        refused()
        raise InternalAddress


def _check_file(path: Any, flags: Any, readable: tuple[str, ...]) -> None:
    if isinstance(path, int):  # open already
        return
    written = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    if written or not os.path.realpath(os.fsdecode(path)).startswith(readable):
        raise Forbidden("open")


def _code() -> tuple[str, ...]:
    """Folders of code and of what comes with it; the data folder is in none, wherever it lies."""
    ours = [PROJECT / "alertadmin", PROJECT / "mailer"]
    theirs = [Path(entry) for entry in (*sys.path, sys.prefix, sys.base_prefix) if entry]
    # A checkout contains the default data folder. `site-packages` contains only code, but the virtual environment
    # around it may be where the data folder was put.
    with_data = PROJECT.parents if IS_INSTALLED else (PROJECT, *PROJECT.parents)
    folders = [*ours, *(path for path in theirs if path.resolve() not in with_data)]
    zones = "/usr/share/zoneinfo/"
    return (*(os.path.realpath(folder) + os.sep for folder in folders if folder.is_dir()), zones)


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
