"""Restrict permanently which files this process can open: those below given folders, for reading. All other files are
denied regardless of mode and user, and so are network connections by the process itself.

Source: landlock(7), the kernel's userspace-api/landlock.rst, linux/landlock.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""Syscall numbers, the same on every architecture."""
VERSION_ONLY = 1
RULE_PATH_BENEATH = 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
OF_FILES = {1: 13, 2: 14, 3: 15, 5: 16}
"""Number of file access rights, by the ABI version that introduced them."""
OF_NETWORK = 0b11
"""Bind and connect by TCP, since ABI version 4."""
SCOPES = 0b11
"""Abstract Unix sockets and signals to other processes, since ABI version 6."""
PR_SET_NO_NEW_PRIVS = 38


def version() -> int:
    """The kernel's ABI version; 0 if Landlock is missing or disabled."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(VERSION_ONLY))))


def restrict(readable: Iterable[str]) -> bool:
    """Restrict this thread and those that it starts. Returns False if the kernel does not support it."""
    if not (known := version()):
        return False
    libc = _libc()
    rights = (1 << max(count for since, count in OF_FILES.items() if since <= known)) - 1
    parts = [rights, OF_NETWORK, SCOPES][: 1 + (known >= 4) + (known >= 6)]
    attributes = struct.pack(f"={len(parts)}Q", *parts)
    ruleset = libc.syscall(
        CREATE_RULESET, ctypes.c_char_p(attributes), ctypes.c_size_t(len(attributes)), ctypes.c_uint(0)
    )
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow(libc, ruleset, path)
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            return False
        return bool(libc.syscall(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0)) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    """Add a rule for `path`; a missing path needs none."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = READ_FILE | (READ_DIR if os.path.isdir(path) else 0)
        rule = struct.pack("=Qi", rights, descriptor)
        libc.syscall(ADD_RULE, ctypes.c_int(ruleset), RULE_PATH_BENEATH, ctypes.c_char_p(rule), ctypes.c_uint(0))
    finally:
        os.close(descriptor)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
