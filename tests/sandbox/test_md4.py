"""The test vectors of RFC 1320, A.5."""

from __future__ import annotations

import pytest

from sandbox.ews.md4 import md4


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"message digest", "d9130a8164549fe818874806e1c7014b"),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_the_digest_is_the_rfcs(text: bytes, digest: str) -> None:
    assert md4(text).hex() == digest
