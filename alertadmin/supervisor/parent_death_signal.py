"""Ties a process to its parent: when the parent ends, however it ends, the kernel ends the child too (Linux). Nor does
it leave its memory behind in a file when it crashes: secrets that it had opened would lie there.

As a program, `python parent_death_signal.py SIGNAL PARENT COMMAND...`, it ties itself and becomes the command; that is
safer than running Python between fork and exec. Elsewhere than on Linux a child outlives a parent that was killed with
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
"""In the environment of a program: its own process id, so that its children know their parent."""


def set_parent_death_signal(signum: int = signal.SIGKILL, parent: int | None = None) -> None:
    """From now on the parent's end is ours. `parent` is its id: if it is not ours any more, it ended before we came to
    this line, and this process ends too."""
    # Kept over exec and over fork.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def tie_to_leader() -> None:
    """As `tie`, in a child of a program that was started by this file."""
    set_parent_death_signal(parent=int(os.environ.get(LEADER) or os.getppid()))


def name(name: str) -> None:
    """What `ps -o comm` and `top` call this process; at most 15 letters."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


if __name__ == "__main__":
    set_parent_death_signal(int(sys.argv[1]), int(sys.argv[2]))
    os.environ[LEADER] = str(os.getpid())
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606 (no shell is wanted)
