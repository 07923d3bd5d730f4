"""Let the kernel end a process when its parent ends, killed or not (Linux). Core dumps are disabled too: one would
contain decrypted secrets.

`python parent_death_signal.py SIGNAL PARENT COMMAND...` sets the signal and executes the command; that is safer than
running Python between fork and exec. On other systems than Linux a child outlives a parent that was killed with
SIGKILL.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>; kept over exec, not over fork
PR_SET_NAME = 15
LEADER = "ALERTADMIN_LEADER"
"""Environment variable with a program's own process id, by which its children know their parent."""


def set_parent_death_signal(signum: int = signal.SIGKILL, parent: int | None = None) -> None:
    """Have the kernel send `signum` to this process when its parent ends. If `parent` (a process id) is not the parent
    any more, the parent has ended already, and this process exits."""
    # Inherited over exec and fork.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def tie_to_leader() -> None:
    """Set the signal in a child of a program that this file started."""
    set_parent_death_signal(parent=int(os.environ.get(LEADER) or os.getppid()))


def name(name: str) -> None:
    """Set the process name that `ps -o comm` and `top` show; at most 15 bytes."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


if __name__ == "__main__":
    set_parent_death_signal(int(sys.argv[1]), int(sys.argv[2]))
    os.environ[LEADER] = str(os.getpid())
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606 (no shell is wanted)
