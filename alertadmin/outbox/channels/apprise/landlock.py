"""Which files this process can open, for good: those below given folders, for reading. Everything else on the machine
is shut, whatever the file's mode and the process's user, and so is every connection that it would make itself.

Source: landlock(7), the kernel's userspace-api/landlock.rst, linux/landlock.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""The same numbers on every architecture."""
VERSION_ONLY = 1
RULE_PATH_BENEATH = 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
OF_FILES = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights to files the kernel knows, from which version of the interface on."""
OF_NETWORK = 0b11
"""Binding and connecting by TCP, from version 4 on."""
SCOPES = 0b11
"""Abstract Unix sockets and signals of other processes, from version 6 on."""
PR_SET_NO_NEW_PRIVS = 38


def version() -> int:
    """Of the kernel's interface; 0 where it has none, or has it switched off."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(VERSION_ONLY))))


def restrict(readable: Iterable[str]) -> bool:
    """From now on, this thread and those that it starts. False where the kernel cannot."""
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
    """A path that is not there needs no rule."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = READ_FILE | (READ_DIR if os.path.isdir(path) else 0)
        rule = struct.pack("=Qi", rights, place)
        libc.syscall(ADD_RULE, ctypes.c_int(ruleset), RULE_PATH_BENEATH, ctypes.c_char_p(rule), ctypes.c_uint(0))
    finally:
        os.close(place)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
