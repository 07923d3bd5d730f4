"""MD4 (RFC 1320), which NTLM needs and OpenSSL 3 no longer has. Insecure as a hash: only for the sandbox's NTLM."""

from __future__ import annotations

import struct
from collections.abc import Callable

WORD = 0xFFFFFFFF
Mix = Callable[[int, int, int], int]
ROUNDS: tuple[tuple[Mix, int, tuple[int, ...], tuple[int, ...]], ...] = (
    (lambda x, y, z: (x & y) | (~x & z), 0, tuple(range(16)), (3, 7, 11, 19)),
    (
        lambda x, y, z: (x & y) | (x & z) | (y & z),
        0x5A827999,
        (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        (3, 5, 9, 13),
    ),
    (lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1, (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15)),
)


def md4(data: bytes) -> bytes:
    """The digest of 16 bytes."""
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    for start in range(0, len(padded), 64):
        a, b, c, d = state
        words = struct.unpack("<16I", padded[start : start + 64])
        for mix, constant, order, shifts in ROUNDS:
            for step, index in enumerate(order):
                total = (a + mix(b, c, d) + words[index] + constant) & WORD
                shift = shifts[step % 4]
                a, b, c, d = d, ((total << shift) | (total >> (32 - shift))) & WORD, b, c
        state = ((state[0] + a) & WORD, (state[1] + b) & WORD, (state[2] + c) & WORD, (state[3] + d) & WORD)
    return struct.pack("<4I", *state)
