"""Confine this process, on all threads and including libraries, to what sending a notification needs: reading its own
code, and using the connections passed to it. This is irreversible, so it is for separate processes (see `fork_server`).

The kernel enforces it: `landlock` restricts files, `seccomp` system calls. Before that, a Python audit hook (PEP 578)
sees each connection, file and program, and refuses with a clear error. The hook alone only stops mistakes: native code
bypasses it. `missing` names the parts that the kernel lacks.
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

FORBIDDEN_EVENTS = frozenset(
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
"""Audit events that are always refused: starting programs, and libraries that open files themselves."""
CONNECT_EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
MEMORY_LIMIT = 1_000_000_000
"""Memory limit of the process, in bytes."""


class Forbidden(Exception):
    """Not needed to send a notification. Not an OSError, so that it is not mistaken for a missing file."""


def confine(allowed: EgressAllowlist, *, refused: Callable[[], None]) -> None:
    """Confine the process from now on. `refused` is called before InternalAddress is raised."""
    mimetypes.init()  # reads system files now, which it could not later
    _limit_memory()
    _restrict()
    watch(allowed, refused=refused)


def watch(allowed: EgressAllowlist, *, refused: Callable[[], None]) -> None:
    """Install the audit hook: clear errors, and the only protection where the kernel lacks its own."""
    readable = _code()

    def look(event: str, args: tuple[Any, ...]) -> None:
        if event in CONNECT_EVENTS:
            _check_target(args[0], args[1], allowed, refused)
        elif event == "open":
            _check_file(args[0], args[2], readable)
        elif event in FORBIDDEN_EVENTS:
            raise Forbidden(event)

    sys.addaudithook(look)


def missing_parts() -> list[str]:
    """The parts of the confinement that this machine's kernel lacks or has disabled."""
    parts = {"Landlock": landlock.version() > 0, "seccomp": seccomp.is_supported()}
    return [name for name, there in parts.items() if not there]


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent exits for any reason."""
    with contextlib.suppress(OSError, AttributeError):  # not Linux
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it has already exited
        os._exit(1)


def _restrict() -> None:
    """Call before any thread is started: the kernel confines the calling thread and those that it starts."""
    libraries = sysconfig.get_config_var("LIBDIR") or ""
    system = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ssl", "/etc/pki", "/etc/ld.so.cache", libraries)
    landlock.restrict([*_code(), *(path for path in system if path)])
    seccomp.restrict()


def _check_target(through: socket.socket, address: Any, allowed: EgressAllowlist, refused: Callable[[], None]) -> None:
    """Refuse non-numeric addresses too: a name, which the C library would resolve, or a Unix socket."""
    if address is None:  # the socket is connected, and was checked then
        return
    numbers = through.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple)
    if not numbers or not allowed.permits(str(address[0]), int(address[1])):
        refused()
        raise InternalAddress


def _check_file(path: Any, flags: Any, readable: tuple[str, ...]) -> None:
    if isinstance(path, int):  # already open
        return
    written = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    if written or not os.path.realpath(os.fsdecode(path)).startswith(readable):
        raise Forbidden("open")


def _code() -> tuple[str, ...]:
    """Folders of code and its data files; none of them contains the data folder."""
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

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
