"""A permanent system call filter: the process can read, write and wait on open descriptors, open files for reading, and
start threads. It cannot start programs, fork, create or connect sockets, send signals, or inspect other processes. A
denied call fails with EPERM.

Sources: seccomp(2), the kernel's seccomp_filter.rst, linux/filter.h, asm/unistd_64.h, asm-generic/unistd.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from dataclasses import dataclass

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
MODE_FILTER = 2
ALLOW = 0x7FFF_0000
ERRNO = 0x0005_0000

LOAD, EQUALS, ANY_BIT, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
"""BPF_LD|W|ABS, and BPF_JMP|K with JEQ, JSET and JGE, and BPF_RET|K."""
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
"""Offsets in struct seccomp_data. An argument has 64 bits, its low half first on both architectures."""
X32 = 0x4000_0000

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CLONE_THREAD = 0x0001_0000
MSG_FASTOPEN = 0x2000_0000
"""Connects while sending."""
IOCTLS = (0x5401, 0x5421, 0x5450, 0x5451, 0x541B)
"""TCGETS, FIONBIO, FIONCLEX, FIOCLEX, FIONREAD."""
FCNTLS = (0, 1, 2, 3, 4, 1030)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC."""


@dataclass(frozen=True)
class Machine:
    audit: int
    """AUDIT_ARCH_…, which the kernel passes with each call."""
    plain: tuple[int, ...]
    """Calls that are allowed with any arguments."""
    open: int | None
    openat: int
    clone: int
    clone3: int
    prlimit: int
    ioctl: int
    fcntl: int
    sendto: int
    sendmsg: int


# In this order: read write readv writev pread64 close close_range fstat newfstatat statx lseek getdents64 readlinkat
# faccessat faccessat2 getcwd mmap munmap mprotect mremap madvise brk membarrier ppoll pselect6 epoll_create1 epoll_ctl
# epoll_pwait recvmsg recvfrom shutdown getsockopt setsockopt getpeername getsockname futex set_robust_list rseq
# sched_yield sched_getaffinity nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday restart_syscall
# rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack getpid gettid getppid getuid geteuid getgid getegid uname sysinfo
# getrandom getrusage times dup exit exit_group set_tid_address getrlimit
_X86_64 = (
    0, 1, 19, 20, 17, 3, 436, 5, 262, 332, 8, 217, 267, 269, 439, 79, 9, 11, 10, 25, 28, 12, 324, 271, 270, 291, 233,
    281, 47, 45, 48, 55, 54, 52, 51, 202, 273, 334, 24, 204, 35, 230, 228, 229, 96, 219, 13, 14, 15, 131, 39, 186,
    110, 102, 107, 104, 108, 63, 99, 318, 98, 100, 32, 60, 231, 218, 97,
    89, 21, 4, 6, 7, 23, 232, 201,  # readlink access stat lstat poll select epoll_wait time: of x86 alone
)  # fmt: skip
_ARM_64 = (
    63, 64, 65, 66, 67, 57, 436, 80, 79, 291, 62, 61, 78, 48, 439, 17, 222, 215, 226, 216, 233, 214, 283, 73, 72, 20,
    21, 22, 212, 207, 210, 209, 208, 205, 204, 98, 99, 293, 124, 123, 101, 115, 113, 114, 169, 128, 134, 135, 139,
    132, 172, 178, 173, 174, 175, 176, 177, 160, 179, 278, 165, 153, 23, 93, 94, 96, 163,
)  # fmt: skip
MACHINES = {
    "x86_64": Machine(0xC000_003E, _X86_64, 2, 257, 56, 435, 302, 16, 72, 44, 46),
    "aarch64": Machine(0xC000_00B7, _ARM_64, None, 56, 220, 435, 261, 29, 25, 206, 211),
}

Instruction = tuple[int, int, int, int]
"""Code, relative jump if true, relative jump if false, operand."""


def is_supported() -> bool:
    """Whether this machine's architecture is supported. Kernels have had seccomp filters since 3.5."""
    return sys.platform == "linux" and platform.machine() in MACHINES and sys.maxsize > 2**32


def restrict() -> bool:
    """Restrict this thread and those that it starts. Returns False if the architecture or the kernel does not support
    it."""
    if not is_supported():
        return False
    instructions = program(MACHINES[platform.machine()])
    code = b"".join(struct.pack("=HBBI", *each) for each in instructions)
    buffer = ctypes.create_string_buffer(code, len(code))
    filtered = struct.pack("HxxxxxxP", len(instructions), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.c_char_p(filtered), 0, 0) == 0)


def program(machine: Machine) -> list[Instruction]:
    refuse = (RETURN, 0, 0, ERRNO | errno.EPERM)
    allow = (RETURN, 0, 0, ALLOW)
    rules: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUALS, 1, 0, machine.audit),
        refuse,
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        refuse,
    ]
    rules += [one for number in machine.plain for one in ((EQUALS, 0, 1, number), allow)]
    # clone3 takes its arguments in memory, which a filter cannot read: glibc then falls back to clone.
    rules += [(EQUALS, 0, 1, machine.clone3), (RETURN, 0, 0, ERRNO | errno.ENOSYS)]
    rules += _where(machine.clone, [_low(0), (ANY_BIT, 0, 1, CLONE_THREAD), allow, refuse])
    for number, flags in ((machine.openat, 2), (machine.open, 1)):
        if number is not None:
            rules += _where(number, [_low(flags), (ANY_BIT, 1, 0, WRITES), allow, refuse])
    # prlimit: reading a limit is allowed, setting one is not.
    nothing_new = [_low(2), (EQUALS, 0, 3, 0), _high(2), (EQUALS, 0, 1, 0), allow, refuse]
    rules += _where(machine.prlimit, nothing_new)
    # sendto: only on connected sockets, without an address.
    no_address = [_low(4), (EQUALS, 0, 5, 0), _high(4), (EQUALS, 0, 3, 0)]
    not_fast = [_low(3), (ANY_BIT, 1, 0, MSG_FASTOPEN), allow, refuse]
    rules += _where(machine.sendto, [*no_address, *not_fast])
    rules += _where(machine.sendmsg, [_low(2), (ANY_BIT, 1, 0, MSG_FASTOPEN), allow, refuse])
    for number, known in ((machine.ioctl, IOCTLS), (machine.fcntl, FCNTLS)):
        rules += _where(number, [_low(1), *(one for each in known for one in ((EQUALS, 0, 1, each), allow)), refuse])
    return [*rules, refuse]


def _where(number: int, body: list[Instruction]) -> list[Instruction]:
    """Run `body`, which returns, for one call; skip it for the others."""
    return [(EQUALS, 0, len(body), number), *body]


def _low(argument: int) -> Instruction:
    return (LOAD, 0, 0, ARGUMENTS + 8 * argument)


def _high(argument: int) -> Instruction:
    return (LOAD, 0, 0, ARGUMENTS + 8 * argument + 4)
